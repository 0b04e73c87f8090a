// What has been decided, kept in the browser at once and under the fingerprint of the data.
const STORAGE = `deft_mm-review-${data.key}`;
const REVIEWER = 'deft_mm-reviewer';
const decisions = new Map(); // idx -> { label, time, reviewer, path, given }
const history = []; // of each step the decisions before it: [[idx, decision or undefined], ...]
const listeners = [];
let isStored = true;

function stored(name) {
  try { return window.localStorage.getItem(name); } catch { isStored = false; return null; }
}

function store(name, value) {
  try { window.localStorage.setItem(name, value); isStored = true; } catch { isStored = false; }
}

function readStored() {
  let rows = [];
  try { rows = JSON.parse(stored(STORAGE) || '[]'); } catch { rows = []; }
  decisions.clear();
  for (const [idx, label, time, reviewer, path, given] of rows) decisions.set(idx, { label, time, reviewer, path, given });
}

function changed() {
  store(STORAGE, JSON.stringify([...decisions].map(([idx, d]) => [idx, d.label, d.time, d.reviewer, d.path, d.given])));
  listeners.forEach((listener) => listener());
}

// The label that a person has decided on, on this page or before it; UNDECIDED for none.
function decidedLabel(p) {
  const decision = decisions.get(order[p]);
  return decision ? decision.label : columns.corrected[p];
}

function decide(labels, reviewer) { // labels: [p, label] pairs
  const time = new Date().toISOString().replace('Z', '+00:00');
  history.push(labels.map(([p]) => [order[p], decisions.get(order[p])]));
  for (const [p, label] of labels) {
    decisions.set(order[p], { label, time, reviewer, path: data.names[p], given: columns.given[p] });
  }
  changed();
}

function undo() {
  const before = history.pop();
  if (!before) return null;
  for (const [idx, decision] of before) {
    if (decision) decisions.set(idx, decision); else decisions.delete(idx);
  }
  changed();
  return before.map(([idx]) => placeOf[idx]);
}

// Of two decisions on a sample the later one counts.
function addLoaded(loaded) {
  const step = [];
  for (const { idx, ...decision } of loaded) {
    const before = decisions.get(idx);
    if (before && before.time > decision.time) continue;
    step.push([idx, before]);
    decisions.set(idx, decision);
  }
  history.push(step);
  changed();
  return step.length;
}

function rowsToWrite() {
  return [...decisions].sort((a, b) => a[0] - b[0]).map(([idx, d]) => {
    const action = d.label === EXCLUDED ? 'exclude' : d.label === d.given ? 'keep' : 'relabel';
    return [idx, d.path, classes[d.given], d.label === EXCLUDED ? '' : classes[d.label], action, d.reviewer, d.time];
  });
}

// Wilson's interval of a share, 95%.
function wilson(part, all) {
  const z = 1.96, share = part / all, centre = share + (z * z) / (2 * all);
  const half = z * Math.sqrt((share * (1 - share)) / all + (z * z) / (4 * all * all));
  return [(centre - half) / (1 + (z * z) / all), (centre + half) / (1 + (z * z) / all)];
}

function rateText() {
  let suspects = 0, decidedSuspects = 0, wrong = 0, right = 0, excluded = 0;
  const inOrder = [];
  for (let p = 0; p < count; p += 1) {
    const label = decidedLabel(p), isSuspect = !columns.kept[p] || columns.corrected[p] !== UNDECIDED;
    if (isSuspect) suspects += 1;
    if (label === UNDECIDED) continue;
    if (isSuspect) decidedSuspects += 1;
    if (label === EXCLUDED) { excluded += 1; continue; }
    if (label === columns.given[p]) right += 1; else wrong += 1;
    inOrder.push(label !== columns.given[p]);
  }
  const parts = [`Decided ${decidedSuspects} of ${suspects} doubtful samples, ${wrong + right + excluded} in all`];
  if (wrong + right) {
    const [low, high] = wilson(wrong, wrong + right);
    parts.push(`${wrong} of ${wrong + right} labels were wrong: ${percent(wrong / (wrong + right))} (95%: ${percent(low)} to ${percent(high)})`);
    const last = inOrder.slice(-50), lastWrong = last.filter(Boolean).length;
    if (last.length === 50) {
      const [from, to] = wilson(lastWrong, 50);
      parts.push(`of the 50 last in the order ${lastWrong} (${percent(from)} to ${percent(to)}): stop where too few are`);
    }
  }
  if (excluded) parts.push(`${excluded} excluded`);
  return parts.join(' · ');
}

readStored();
window.addEventListener('storage', (event) => { // another tab with this page
  if (event.key !== STORAGE) return;
  readStored();
  history.length = 0;
  listeners.forEach((listener) => listener());
});
