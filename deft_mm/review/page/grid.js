// The samples of a view as tiles, of which those in sight exist.
const grid = byId('grid'), spacer = byId('spacer');
const GAP = 6, TEXT = 64;
const leastWidth = Math.max(data.sheets.size, 96) + 16, tileHeight = data.sheets.size + TEXT;
let tileWidth = leastWidth;
let list = []; // places of the samples in view
let cursor = 0, anchor = 0; // in the list
let across = 1;
const onCursor = [];

function stateOf(p) {
  const label = decidedLabel(p);
  if (label === EXCLUDED) return { word: '✓ excluded', decided: true };
  if (label === columns.given[p]) return { word: '✓ label is right', decided: true };
  if (label >= 0) return { word: `✓ is ${className(label)}`, decided: true };
  return columns.kept[p] ? { word: 'kept' } : { word: 'rejected', rejected: true };
}

// Probabilities of the given label and of the suggested one; a score that is none is a number.
function probText(p) {
  const right = columns.clean_prob[p], score = columns.score[p];
  const text = !Number.isNaN(right) ? percent(right) : Number.isNaN(score) ? '–' : score.toPrecision(2);
  return columns.suggested[p] < 0 ? text : `${text} → ${percent(columns.suggested_prob[p])}`;
}

function tile(place) {
  const p = list[place], state = stateOf(p), [low, high] = selectedRange();
  const element = make('div', null, {
    id: `tile-${p}`, role: 'option', 'aria-selected': String(place >= low && place <= high),
    'aria-setsize': list.length, 'aria-posinset': place + 1,
  });
  element.className = `tile${state.rejected ? ' rejected' : ''}${state.decided ? ' decided' : ''}${place === cursor ? ' current' : ''}`;
  element.style.width = `${tileWidth}px`;
  element.style.height = `${tileHeight}px`;
  element.style.left = `${GAP + (place % across) * (tileWidth + GAP)}px`;
  element.style.top = `${GAP + Math.floor(place / across) * (tileHeight + GAP)}px`;
  const suggestion = columns.suggested[p] < 0 ? '' : ` → ${className(columns.suggested[p])}`;
  const names = make('div', `${className(columns.given[p])}${suggestion}`);
  element.title = data.names[p] ? shown(data.names[p]) : `sample ${order[p]}`;
  element.append(thumbnail(p), names, make('div', probText(p)), make('div', state.word, { class: 'state' }));
  element.addEventListener('mousedown', (event) => moveTo(place, event.shiftKey));
  return element;
}

function selectedRange() {
  return cursor < anchor ? [cursor, anchor] : [anchor, cursor];
}

function render() {
  across = Math.max(1, Math.floor((grid.clientWidth - GAP) / (leastWidth + GAP)));
  tileWidth = Math.floor((grid.clientWidth - GAP) / across) - GAP;
  const rows = Math.ceil(list.length / across), height = tileHeight + GAP;
  spacer.style.height = `${rows * height + GAP}px`;
  const first = Math.max(0, Math.floor(grid.scrollTop / height) - 1) * across;
  const last = Math.min(list.length, (Math.ceil((grid.scrollTop + grid.clientHeight) / height) + 1) * across);
  const tiles = [];
  for (let place = first; place < last; place += 1) tiles.push(tile(place));
  spacer.replaceChildren(...tiles);
  const current = list.length ? `tile-${list[cursor]}` : '';
  if (byId(current)) grid.setAttribute('aria-activedescendant', current);
  else grid.removeAttribute('aria-activedescendant');
}

function moveTo(place, extends_ = false) {
  if (!list.length) { render(); onCursor.forEach((listener) => listener()); return; }
  cursor = Math.max(0, Math.min(list.length - 1, place));
  if (!extends_) anchor = cursor;
  const top = GAP + Math.floor(cursor / across) * (tileHeight + GAP);
  if (top < grid.scrollTop) grid.scrollTop = top - GAP;
  const bottom = top + tileHeight + GAP;
  if (bottom > grid.scrollTop + grid.clientHeight) grid.scrollTop = bottom - grid.clientHeight;
  render();
  onCursor.forEach((listener) => listener());
}

function showList(places, from = 0) {
  list = places;
  cursor = anchor = 0;
  grid.scrollTop = 0;
  render();
  moveTo(from);
}

// Places of the samples that a decision is about.
function chosen() {
  const [low, high] = selectedRange();
  return list.slice(low, high + 1);
}

let frame = 0;
grid.addEventListener('scroll', () => {
  if (!frame) frame = requestAnimationFrame(() => { frame = 0; render(); });
});
new ResizeObserver(() => render()).observe(grid);
