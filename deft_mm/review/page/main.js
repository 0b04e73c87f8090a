// Views, decisions and keys.
const VIEWS = {
  rejected: ['Rejected, most doubtful first', (p) => !columns.kept[p] && columns.corrected[p] === UNDECIDED],
  undecided: ['Rejected and undecided', (p) => !columns.kept[p] && decidedLabel(p) === UNDECIDED],
  kept: ['Kept but suspicious first', (p) => columns.kept[p] && columns.corrected[p] === UNDECIDED],
  duplicates: ['Near duplicates with different labels', null],
  outliers: ['Outliers', null],
  decided: ['Decided', (p) => decidedLabel(p) !== UNDECIDED],
  all: ['All', () => true],
};
let givenFilter = null, suggestedFilter = null;

function say(text, isWrong = false) {
  const message = byId('message');
  message.className = isWrong ? 'wrong' : '';
  message.textContent = text;
}

function placesOf(view) {
  if (view === 'duplicates') return data.pairs.flat().map((idx) => placeOf[idx]).filter((p) => p >= 0);
  if (view === 'outliers') return data.outliers.map((idx) => placeOf[idx]).filter((p) => p >= 0);
  const test = VIEWS[view][1], places = [];
  for (let p = 0; p < count; p += 1) if (test(p)) places.push(p);
  return places;
}

function showView(at = null) {
  const places = placesOf(byId('view').value).filter((p) => (givenFilter === null || columns.given[p] === givenFilter)
    && (suggestedFilter === null || columns.suggested[p] === suggestedFilter));
  showList(places, at === null ? 0 : Math.max(0, places.indexOf(at)));
  showPrompts(givenFilter);
  say(`${places.length} samples in this view.`);
}

function filterBy(given, suggested) {
  givenFilter = given;
  suggestedFilter = suggested;
  givenBox.value = given === null ? '' : className(given);
  suggestedBox.value = suggested === null ? '' : className(suggested);
  showView();
  grid.focus();
}

function goTo(p) {
  if (!list.includes(p)) {
    byId('view').value = 'all';
    givenFilter = suggestedFilter = null;
    givenBox.value = suggestedBox.value = '';
    showView(p);
  } else moveTo(list.indexOf(p));
  grid.focus();
}

function decideChosen(labelOf, text) {
  const labels = chosen().map((p) => [p, labelOf(p)]), known = labels.filter(([, label]) => label !== UNDECIDED);
  if (!known.length) { say(labels.length ? 'There is no suggestion: type a class (C), keep (K) or exclude (X).' : 'No sample is selected.', true); return; }
  const after = selectedRange()[1] + 1;
  decide(known, byId('reviewer').value);
  const left = labels.length - known.length;
  say(`${known.length} ${text}${left ? `; ${left} without a suggestion were left as they are` : ''}.`);
  moveTo(after);
}

const actions = {
  accept: () => decideChosen((p) => columns.suggested[p], 'relabelled'),
  keep: () => decideChosen((p) => columns.given[p], 'kept as they are'),
  exclude: () => decideChosen(() => EXCLUDED, 'excluded'),
  undo: () => {
    const places = undo();
    if (!places) { say('There is nothing to undo.', true); return; }
    say(`Undone for ${places.length} samples.`);
    const at = list.indexOf(places[0]);
    if (at >= 0) moveTo(at);
  },
  download: () => {
    const url = URL.createObjectURL(new Blob([correctionsCsv(rowsToWrite())], { type: 'text/csv' }));
    const link = make('a', null, { href: url, download: 'corrections.csv' });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
    say(`corrections.csv has ${decisions.size} decisions. Next: python tools/apply_corrections.py SELECTION corrections.csv`);
  },
};
for (const [id, action] of Object.entries(actions)) {
  byId(id).addEventListener('click', () => { action(); if (id !== 'download') grid.focus(); });
}

const backToGrid = () => grid.focus();
const classInput = classBox(byId('class-box'), 'class', (label) => {
  if (label !== null) decideChosen(() => label, `put down as ${className(label)}`);
  classInput.value = '';
  grid.focus();
}, backToGrid);
const givenBox = classBox(byId('given-box'), 'given', (label) => filterBy(label, suggestedFilter), backToGrid);
const suggestedBox = classBox(byId('suggested-box'), 'suggested', (label) => filterBy(givenFilter, label), backToGrid);

const rowsInSight = () => Math.max(1, Math.floor(grid.clientHeight / (tileHeight + GAP)));
const moves = {
  ArrowLeft: () => cursor - 1, ArrowRight: () => cursor + 1, ArrowUp: () => cursor - across, ArrowDown: () => cursor + across,
  Home: () => 0, End: () => list.length - 1, PageUp: () => cursor - across * rowsInSight(), PageDown: () => cursor + across * rowsInSight(),
};
const keys = {
  Enter: actions.accept, a: actions.accept, k: actions.keep, x: actions.exclude, u: actions.undo,
  c: () => byId('class').focus(), '/': () => byId('given').focus(), Escape: () => moveTo(cursor),
};
grid.addEventListener('keydown', (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'z') { event.preventDefault(); actions.undo(); return; }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (moves[event.key]) { event.preventDefault(); moveTo(moves[event.key](), event.shiftKey); return; }
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (keys[key]) { event.preventDefault(); keys[key](); }
});

byId('load').addEventListener('change', async (event) => {
  const [file] = event.target.files;
  event.target.value = '';
  if (!file) return;
  try {
    const loaded = readCorrections(await file.text());
    const taken = addLoaded(loaded);
    say(`${taken} of the ${loaded.length} decisions in ${shown(file.name)} were taken${taken < loaded.length ? '; for the others there are later ones here' : ''}.`);
  } catch (error) {
    say(`${shown(file.name)} was not loaded: ${error.message}.`, true);
  }
});
byId('tools').addEventListener('submit', (event) => event.preventDefault());
byId('view').addEventListener('change', () => { showView(); grid.focus(); });
byId('reviewer').value = stored(REVIEWER) || '';
byId('reviewer').addEventListener('change', (event) => store(REVIEWER, event.target.value));

listeners.push(() => {
  render();
  showDetail();
  byId('rate').textContent = rateText();
  if (!isStored) say('This browser does not keep decisions: download corrections.csv before you close the page.', true);
});
for (const [name, [title]] of Object.entries(VIEWS)) {
  const total = { duplicates: data.pairs.length, outliers: data.outliers.length }[name];
  if (total !== 0) byId('view').append(make('option', title, { value: name }));
}
showHead();
showMatrix();
showBars();
showView();
listeners.forEach((listener) => listener());
say(decisions.size ? `${decisions.size} decisions of before are there again.` : '');
grid.focus({ preventScroll: true });
document.body.dataset.ready = 'true';
