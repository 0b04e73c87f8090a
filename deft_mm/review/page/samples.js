// What is known of the samples; p is a place on the page, idx the index in the data set.
const data = window.reviewData;
if (!data) {
  document.getElementById('title').textContent =
    'data.js does not lie beside this page, or is damaged: run tools/review.py again.';
  throw new Error('no data');
}

const EXCLUDED = -2, UNDECIDED = -1;

function decodeColumn(spec) {
  if (!spec) return null;
  const bytes = Uint8Array.from(atob(spec.data), (c) => c.charCodeAt(0));
  const types = { Float32: Float32Array, Int32: Int32Array, Uint8: Uint8Array };
  return new types[spec.type](bytes.buffer);
}

const columns = Object.fromEntries(
  Object.entries(data.columns).map(([name, spec]) => [name, decodeColumn(spec)]));
const order = decodeColumn(data.order);
const perClass = decodeColumn(data.per_class);
const classes = data.classes;
const count = order.length;
const placeOf = new Int32Array(data.about.samples).fill(-1);
order.forEach((idx, p) => { placeOf[idx] = p; });
const widthOf = (name) => (data.columns[name] ? data.columns[name].width : 0);

// Names as people can read them: a character that shows nothing is written out.
function shown(text) {
  return text.replace(/[\u0000-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
const className = (label) => (label < 0 ? '–' : shown(classes[label]));
const percent = (p) => (Number.isNaN(p) ? '–' : `${(100 * p).toFixed(p > 0.995 || p < 0.005 ? 1 : 0)}%`);

// A byte of a name that is not UTF-8 is a surrogate of its own, as Python has it.
function bytesOf(text) {
  const encoder = new TextEncoder(), bytes = [];
  for (const c of text) {
    const code = c.codePointAt(0);
    if (code >= 0xdc80 && code <= 0xdcff) bytes.push(code - 0xdc00);
    else bytes.push(...encoder.encode(c));
  }
  return bytes;
}
const percentEncoded = (text) => bytesOf(text).map((byte) => {
  const c = String.fromCharCode(byte);
  return /[A-Za-z0-9_.~\/-]/.test(c) ? c : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}).join('');

function fileUrl(p) {
  const path = data.paths[p];
  if (!path) return null;
  const drive = /^([A-Za-z]:)[\\/](.*)$/s.exec(path);
  return drive ? `file:///${drive[1]}/${percentEncoded(drive[2].replaceAll('\\', '/'))}` : `file://${percentEncoded(path)}`;
}

// A thumbnail as a part of its sheet.
function thumbnail(p, size = data.sheets.size) {
  const element = document.createElement('span');
  element.className = 'thumb';
  element.style.width = element.style.height = `${size}px`;
  if (columns.has_image[p]) {
    const { columns: across, rows, files } = data.sheets, place = p % (across * rows);
    const scale = size / data.sheets.size, tile = data.sheets.size * scale;
    element.style.backgroundImage = `url("${files[Math.floor(p / (across * rows))]}")`;
    element.style.backgroundSize = `${across * tile}px auto`;
    element.style.backgroundPosition = `-${(place % across) * tile}px -${Math.floor(place / across) * tile}px`;
  }
  return element;
}

function make(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  if (text !== null && text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
const byId = (id) => document.getElementById(id);
