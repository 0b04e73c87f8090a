// The whole selection: figures, pairs of classes, classes, and the prompts of a class.
const SHOWN_CLASSES = 10, NEAREST = 6, MOST_POINTS = 4000;

function showHead() {
  const { about, audit } = data, rejected = about.samples - about.kept;
  byId('title').textContent = shown(data.title);
  document.title = `Review: ${shown(data.title)}`;
  const part = count < about.samples ? `; ${count} of them are on this page` : '';
  byId('about').textContent = `${about.samples} samples, ${about.kept} kept, ${rejected} rejected by ${about.method}`
    + `${about.config ? ` (${shown(about.config)})` : ''}, ${about.created}${part}.`;
  if (!audit) {
    byId('audit').textContent = 'How many labels are wrong was not estimated: that takes an audit (AuditSelector, tools/clean.py).';
    return;
  }
  const systematic = audit.systematic.map(([g, k]) => `${className(g)} for ${className(k)}`).join(', ');
  byId('audit').textContent = `Estimated share of wrong labels: ${percent(audit.wrong_share)} (${percent(audit.low)} to ${percent(audit.high)}). `
    + `Audit with ${audit.num_planted} planted errors: detector ${audit.detector} at ${audit.threshold.toFixed(2)}`
    + `${audit.f1 === null ? '' : `, of what is kept ${audit.precision.toFixed(1)}% right, of what is right ${audit.recall.toFixed(1)}% kept (F1 ${audit.f1.toFixed(1)})`}.`
    + (systematic ? ` Caution, errors seem to be systematic: ${systematic}.` : '');
}

// Classes with the most rejected samples.
function doubtfulClasses() {
  return [...classes.keys()].filter((c) => perClass[2 * c] > 0)
    .sort((a, b) => (perClass[2 * b] - perClass[2 * b + 1]) - (perClass[2 * a] - perClass[2 * a + 1]));
}

function showMatrix() {
  const pairs = new Map();
  for (let p = 0; p < count; p += 1) {
    if (columns.kept[p] || columns.suggested[p] < 0) continue;
    const key = `${columns.given[p]} ${columns.suggested[p]}`;
    pairs.set(key, (pairs.get(key) || 0) + 1);
  }
  const of = doubtfulClasses().slice(0, SHOWN_CLASSES).sort((a, b) => a - b);
  const table = make('table'), head = make('tr');
  head.append(make('td', of.length < classes.length ? `${of.length} of ${classes.length} classes` : ''));
  const title = (label, scope) => {
    const cell = make('th', null, { scope, title: className(label) });
    cell.append(make('span', className(label), { class: 'short' }));
    return cell;
  };
  of.forEach((label) => head.append(title(label, 'col')));
  table.append(head);
  for (const given of of) {
    const row = make('tr');
    row.append(title(given, 'row'));
    for (const suggested of of) {
      const number = pairs.get(`${given} ${suggested}`) || 0, cell = make('td', number ? null : '·');
      if (number) {
        const button = make('button', number, { type: 'button', 'aria-label': `${number}: given ${className(given)}, suggested ${className(suggested)}` });
        button.addEventListener('click', () => filterBy(given, suggested));
        cell.append(button);
      }
      row.append(cell);
    }
    table.append(row);
  }
  byId('matrix').replaceChildren(table);
}

function showBars(all = false) {
  const of = doubtfulClasses(), most = Math.max(1, ...of.map((c) => perClass[2 * c] - perClass[2 * c + 1]));
  const table = make('table');
  for (const label of all ? of : of.slice(0, SHOWN_CLASSES)) {
    const total = perClass[2 * label], rejected = total - perClass[2 * label + 1], row = make('tr');
    const name = make('button', className(label), { type: 'button' });
    name.addEventListener('click', () => filterBy(label, null));
    const bar = make('span', null, { class: 'bar' });
    bar.style.width = `${(100 * rejected) / most}px`;
    const cells = [make('td'), make('td', `${rejected} of ${total}`), make('td')];
    cells[0].append(name);
    cells[2].append(bar);
    row.append(...cells);
    table.append(row);
  }
  const parts = [table];
  if (!all && of.length > SHOWN_CLASSES) {
    const more = make('button', `All ${of.length} classes`, { type: 'button' });
    more.addEventListener('click', () => showBars(true));
    parts.push(more);
  }
  byId('bars').replaceChildren(...parts);
}

function showPrompts(given) {
  const positive = columns.similarity, negative = columns.negative_similarity;
  if (!positive || !negative) {
    byId('prompts').hidden = true;
    return;
  }
  const of = [];
  for (let p = 0; p < count; p += 1) {
    if ((given === null || columns.given[p] === given) && !Number.isNaN(positive[p])) of.push(p);
  }
  const whose = given === null ? 'the given class of each sample' : className(given);
  byId('prompts-text').textContent = `Similarity of images to the positive prompt of ${whose} (across) and to the negative one (up). `
    + 'Above the line the label is taken for wrong. Circles are kept, crosses rejected.';
  drawScatter(of, positive, negative, whose);
  const nearest = (similarity) => [...of].sort((a, b) => similarity[b] - similarity[a]).slice(0, NEAREST);
  byId('nearest').replaceChildren(...[['positive', positive], ['negative', negative]].flatMap(([name, similarity]) => {
    const strip = make('div', null, { class: 'strip', role: 'group', 'aria-label': `Nearest to the ${name} prompt` });
    for (const p of nearest(similarity)) {
      const button = make('button', null, { type: 'button', 'aria-label': `Sample ${order[p]}, given ${className(columns.given[p])}` });
      button.append(thumbnail(p, 48));
      button.addEventListener('click', () => goTo(p));
      strip.append(button);
    }
    return [make('p', `Nearest to the ${name} prompt`), strip];
  }));
}

function drawScatter(of, positive, negative, whose) {
  const canvas = byId('scatter'), pen = canvas.getContext('2d'), { width, height } = canvas, margin = 26;
  canvas.setAttribute('aria-label', `Scatter of ${of.length} samples: similarity to the positive and the negative prompt of ${whose}`);
  pen.clearRect(0, 0, width, height);
  if (!of.length) return;
  let low = Infinity, high = -Infinity;
  for (const p of of) {
    low = Math.min(low, positive[p], negative[p]);
    high = Math.max(high, positive[p], negative[p]);
  }
  const span = Math.max(high - low, 1e-6);
  const x = (value) => margin + ((value - low) / span) * (width - margin - 6);
  const y = (value) => height - margin - ((value - low) / span) * (height - margin - 6);
  pen.strokeStyle = '#1a1a1a';
  pen.beginPath(); // where both are as probable
  pen.moveTo(x(low), y(low));
  pen.lineTo(x(high), y(high));
  pen.stroke();
  const step = Math.max(1, Math.ceil(of.length / MOST_POINTS));
  for (let i = 0; i < of.length; i += step) {
    const p = of[i], a = x(positive[p]), b = y(negative[p]);
    pen.beginPath();
    if (columns.kept[p]) {
      pen.strokeStyle = '#1d4ed8';
      pen.arc(a, b, 2.5, 0, 7);
    } else {
      pen.strokeStyle = '#9a3412';
      pen.moveTo(a - 3, b - 3); pen.lineTo(a + 3, b + 3);
      pen.moveTo(a - 3, b + 3); pen.lineTo(a + 3, b - 3);
    }
    pen.stroke();
  }
  pen.fillStyle = '#1a1a1a';
  pen.font = '11px system-ui, sans-serif';
  pen.fillText(`positive ${low.toFixed(2)} to ${high.toFixed(2)}`, margin, height - 8);
  pen.save();
  pen.translate(12, height - margin);
  pen.rotate(-Math.PI / 2);
  pen.fillText('negative', 0, 0);
  pen.restore();
}
