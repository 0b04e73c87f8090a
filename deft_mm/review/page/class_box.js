// A box to type the name of a class in, with the names that match; few of them, however many there are.
const MOST_MATCHES = 8;

function matches(text) {
  const wanted = text.toLowerCase(), found = [[], []];
  for (let label = 0; label < classes.length; label += 1) {
    const at = shown(classes[label]).toLowerCase().indexOf(wanted);
    if (at >= 0) found[at > 0 ? 1 : 0].push(label);
    if (found[0].length === MOST_MATCHES) break;
  }
  return [...found[0], ...found[1]].slice(0, MOST_MATCHES);
}

// choose(label) is called with a class, or with null where the box was emptied.
function classBox(place, id, choose, leave) {
  const input = make('input', null, {
    id, role: 'combobox', autocomplete: 'off', 'aria-expanded': 'false', 'aria-controls': `${id}-list`, 'aria-autocomplete': 'list',
  });
  const list = make('div', null, { id: `${id}-list`, class: 'matches', role: 'listbox', 'aria-label': 'Classes' });
  list.hidden = true;
  let found = [], active = 0;
  const close = () => {
    list.hidden = true;
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
  };
  const show = () => {
    found = matches(input.value);
    active = Math.min(active, Math.max(found.length - 1, 0));
    list.replaceChildren(...found.map((label, i) => {
      const option = make('div', shown(classes[label]), { role: 'option', id: `${id}-${i}`, 'aria-selected': String(i === active) });
      option.addEventListener('mousedown', (event) => { event.preventDefault(); take(label); });
      return option;
    }));
    list.hidden = !found.length;
    input.setAttribute('aria-expanded', String(!list.hidden));
    if (found.length) input.setAttribute('aria-activedescendant', `${id}-${active}`);
  };
  const take = (label) => {
    close();
    choose(label);
  };
  input.addEventListener('input', () => { active = 0; show(); });
  input.addEventListener('focus', () => { input.select(); });
  input.addEventListener('blur', close);
  input.addEventListener('keydown', (event) => {
    event.stopPropagation();
    if (event.key === 'Escape') { close(); leave(); }
    else if (event.key === 'Enter') {
      event.preventDefault();
      if (input.value === '') take(null);
      else {
        const exact = classes.findIndex((name) => shown(name) === input.value);
        if (exact >= 0) take(exact);
        else if (found.length && !list.hidden) take(found[active]);
        else say(`There is no class ${input.value}.`, true);
      }
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      active = Math.max(0, Math.min(found.length - 1, active + (event.key === 'ArrowDown' ? 1 : -1)));
      show();
    }
  });
  place.append(input, list);
  return input;
}
