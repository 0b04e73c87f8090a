// The sample under the cursor: its image, what the detector says, and what is most like it.
const detail = byId('detail');

function imageOf(p) {
  const url = fileUrl(p);
  if (!url) return thumbnail(p, Math.max(data.sheets.size, 192));
  const image = make('img', null, { alt: `Sample ${order[p]}`, src: url });
  image.addEventListener('load', () => { if (image.naturalWidth < 64) image.style.imageRendering = 'pixelated'; });
  image.addEventListener('error', () => {
    image.replaceWith(thumbnail(p, Math.max(data.sheets.size, 192)), make('p', 'The file is not there any more; this is its thumbnail.'));
  });
  return image;
}

function topClasses(p) {
  const width = widthOf('top_label');
  if (!width) return [];
  const items = [];
  for (let i = 0; i < width; i += 1) {
    const label = columns.top_label[p * width + i];
    if (label >= 0) items.push(make('li', `${className(label)} ${percent(columns.top_prob[p * width + i])}`));
  }
  const ordered = make('ol');
  ordered.append(...items);
  return items.length ? [make('h2', 'Most probable classes'), ordered] : [];
}

function neighboursOf(p) {
  const width = widthOf('neighbours');
  if (!width) return [make('p', 'Images were not compared with one another.')];
  const box = make('div', null, { class: 'neighbours' });
  for (let i = 0; i < width; i += 1) {
    const idx = columns.neighbours[p * width + i];
    if (idx < 0) continue;
    const q = placeOf[idx];
    if (q < 0) { box.append(make('span', `sample ${idx}, not on this page`)); continue; }
    const button = make('button', null, { type: 'button' });
    const label = decidedLabel(q) >= 0 ? decidedLabel(q) : columns.given[q];
    button.append(thumbnail(q, 96), make('span', className(label)));
    button.addEventListener('click', () => goTo(q));
    box.append(button);
  }
  return [make('h2', 'Most alike'), box];
}

function showDetail() {
  if (!list.length) { detail.replaceChildren(make('p', 'No sample in this view.')); return; }
  const p = list[cursor], [low, high] = selectedRange();
  const parts = [];
  if (high > low) parts.push(make('p', `${high - low + 1} samples are selected; this is the current one.`));
  parts.push(
    imageOf(p),
    make('p', data.names[p] ? shown(data.names[p]) : `sample ${order[p]}`),
    make('p', `given ${className(columns.given[p])}, suggested ${className(columns.suggested[p])}`),
    make('p', `${Number.isNaN(columns.clean_prob[p]) ? 'score of the given label and' : 'probability that the given label is right, and'} that of the suggested one: ${probText(p)}`),
    make('p', stateOf(p).word, { class: 'state' }),
    ...topClasses(p), ...neighboursOf(p));
  detail.replaceChildren(...parts);
}
onCursor.push(showDetail);
