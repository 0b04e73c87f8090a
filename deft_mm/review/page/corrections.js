// corrections.csv: written as deft_mm reads it, and read again.
const HEADER = ['sample_idx', 'img_path', 'given_class', 'corrected_class', 'action', 'reviewer', 'time'];
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

// No program takes a cell for a formula, or for no text; deft_mm undoes it.
function toCell(text) {
  if (text.startsWith('bytes:') || LONE.test(text)) return `bytes:${percentEncoded(text)}`;
  return /^'*[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}

function fromCell(cell) {
  if (cell.startsWith('bytes:')) {
    const bytes = [];
    for (const part of cell.slice(6).match(/%[0-9A-Fa-f]{2}|[^%]|%/gs) || []) {
      if (part.length === 3 && part[0] === '%') bytes.push(parseInt(part.slice(1), 16));
      else bytes.push(...bytesOf(part));
    }
    return textOf(bytes);
  }
  return /^'+[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell;
}

// UTF-8 with a surrogate for each byte that is none.
function textOf(bytes) {
  let text = '', i = 0;
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  while (i < bytes.length) {
    let length = 0;
    for (const n of [1, 2, 3, 4]) {
      try {
        const part = decoder.decode(Uint8Array.from(bytes.slice(i, i + n)));
        if ([...part].length === 1) { text += part; length = n; break; }
      } catch { /* not a whole character */ }
    }
    if (!length) { text += String.fromCharCode(0xdc00 + bytes[i]); length = 1; }
    i += length;
  }
  return text;
}

const quoted = (text) => (/[,"\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

// rows: [idx, path, given class, corrected class, action, reviewer, time]
function correctionsCsv(rows) {
  const about = { format: 'deft_mm-corrections', format_version: 1, fingerprint: data.fingerprint, classes };
  // Spreadsheets cut these lines at commas: no part may begin as a formula does.
  const lines = Object.entries(about).map(([key, value]) =>
    `# ${key}: ${JSON.stringify(value)}`.replace(/,(?=[=+@-])/g, '\\u002c'));
  lines.push('# escaped: true', HEADER.join(','));
  for (const row of rows) lines.push(row.map((cell) => quoted(typeof cell === 'number' ? String(cell) : toCell(cell))).join(','));
  return `${lines.join('\n')}\n`;
}

// Cells of a CSV, with the number of the line in which each row begins.
function* csvRows(text) {
  let row = [], cell = '', inQuotes = false, line = 1, begin = 1;
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i];
    if (c === '\n') line += 1;
    if (inQuotes) {
      if (c !== '"') cell += c;
      else if (text[i + 1] === '"') { cell += '"'; i += 1; } else inQuotes = false;
    } else if (c === '"' && cell === '') inQuotes = true;
    else if (c === ',') { row.push(cell); cell = ''; }
    else if (c === '\n' || c === '\r') {
      if (c === '\r' && text[i + 1] === '\n') continue;
      row.push(cell);
      if (row.length > 1 || row[0] !== '') yield { cells: row, line: begin };
      row = []; cell = ''; begin = line;
    } else cell += c;
  }
  if (inQuotes) throw new Error(`line ${begin}: a quotation mark is not closed`);
  if (cell !== '' || row.length) yield { cells: [...row, cell], line: begin };
}

// A line of the header as it was before a spreadsheet quoted its cells and filled up its columns.
function asWritten(line) {
  const text = line.startsWith('"') ? csvRows(line).next().value.cells.join(',') : line;
  return text.replace(/[,\r]+$/, '');
}

// Read a file; an Error says what is wrong with it, and nothing is taken.
function readCorrections(text) {
  const about = {};
  let rest = text.replace(/^\ufeff/, ''), lines = 0;
  for (;;) {
    const end = rest.indexOf('\n'), line = asWritten(rest.slice(0, end < 0 ? undefined : end));
    const [, key, value] = /^#([^:]*):(.*)$/.exec(line) || [];
    if (key === undefined || end < 0) break;
    try { about[key.trim()] = JSON.parse(value); } catch { throw new Error(`line ${lines + 1} is not "# key: JSON"`); }
    rest = rest.slice(end + 1);
    lines += 1;
  }
  const [head, ...rows] = csvRows(rest), names = head ? head.cells : [];
  checkHeader(about, names);
  const decode = about.escaped ? fromCell : (cell) => cell;
  return rows.map(({ cells, line }) =>
    decisionOf(Object.fromEntries(names.map((name, i) => [name, decode(cells[i] ?? '')])), lines + line));
}

function checkHeader(about, names) {
  if (about.format !== 'deft_mm-corrections') throw new Error('it is no corrections.csv of deft_mm');
  if (about.format_version !== 1) throw new Error(`it has the format version ${about.format_version}, this page reads 1`);
  const same = Object.entries(data.fingerprint).every(([key, value]) => (about.fingerprint || {})[key] === value);
  if (!same) throw new Error('it belongs to other data, or to other given labels of these');
  const missing = HEADER.filter((name) => !names.includes(name));
  if (missing.length) throw new Error(`it lacks the columns ${missing.join(', ')}`);
}

function decisionOf(row, line) {
  const idx = /^\d+$/.test(row.sample_idx.trim()) ? Number(row.sample_idx) : -1, p = placeOf[idx] ?? -1;
  const where = `line ${line}:`;
  if (idx < 0 || idx >= data.about.samples) throw new Error(`${where} there is no sample ${shown(row.sample_idx)}`);
  const given = classes.indexOf(row.given_class), action = row.action.trim();
  if (given < 0 || (p >= 0 && given !== columns.given[p])) throw new Error(`${where} sample ${idx} does not have the given class ${shown(row.given_class)}`);
  let label = { keep: given, exclude: EXCLUDED }[action];
  if (action === 'relabel') {
    label = classes.indexOf(row.corrected_class);
    if (label < 0) throw new Error(`${where} there is no class ${shown(row.corrected_class)}`);
  }
  if (label === undefined) throw new Error(`${where} the action ${shown(action)} is none of relabel, keep and exclude`);
  return { idx, label, time: row.time, reviewer: row.reviewer, path: row.img_path, given };
}
