// Every page works without this script. It keeps relative times and the marked parts of a page current, never those that someone
// types, selects or reads in; and adds keys, copy buttons, and attempts in a drawer.
(() => {
  const root = document.documentElement;
  const say = JSON.parse(root.dataset.words || '{}');
  const put = (form, ...parts) => (form || '').replace(/\{(\d)\}/g, (_, at) => parts[at]);
  const digits = (text) => say.digits ? `${text}`.replace(/[0-9]/g, (digit) => say.digits[digit]) : `${text}`;
  const units = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  const words = (seconds) => {
    let left = Math.floor(Math.abs(seconds));
    const first = units.findIndex(([size]) => left >= size);
    if (first < 0) return put(say.s, digits(0));
    const parts = [];
    for (const [size, unit] of units.slice(first, first + 2)) {
      const count = Math.floor(left / size);
      left -= count * size;
      if (count > 0) parts.push(put(say[unit], digits(count)));
    }
    return parts.length === 2 ? put(say.two, ...parts) : parts[0];
  };
  const tell = () => {
    for (const time of document.querySelectorAll('time[data-relative]')) {
      const off = (new Date(time.dateTime) - Date.now()) / 1000;
      const text = off < 0 && time.dataset.relative === 'ahead' ? say.soon : off < 0 ? put(say.ago, words(off)) : time.dataset.relative === 'left' ? words(off) : put(say.in, words(off));
      if (time.textContent !== text) time.textContent = text;
    }
  };

  const touched = (part) => part.contains(document.activeElement) && document.activeElement !== document.body && document.activeElement.matches('input, select, textarea, summary, button')
    || part.querySelector('details[open]:not(.more-filters)') !== null
    || [...part.querySelectorAll('input')].some((input) => input.type === 'checkbox' ? input.checked !== input.defaultChecked : input.value !== input.defaultValue)
    || !getSelection().isCollapsed && part.contains(getSelection().anchorNode);
  // What the keys walk through: the rows of a list, and where they lead if they lead anywhere.
  const rowsOf = (part) => [...part.querySelectorAll('[data-keys] tbody tr:not(.of), [data-keys]:not(table) > *')];
  const focusOn = (row) => {
    const link = row && (row.querySelector('[data-open]') || row.querySelector('td.name a, td a, a[href]'));
    if (row && !link) row.tabIndex = -1;
    (link || row)?.focus();
  };
  let last = 0, waiting = 0, renewing = false, again = false, took = 0;
  // Never twice at once: a change that comes meanwhile is looked at afterwards.
  const renew = async () => {
    if (document.hidden || renewing) return;
    renewing = true;
    const began = Date.now();
    await look().catch(() => null);
    renewing = false;
    last = Date.now();
    took = last - began;
    if (again) { again = false; soon(); }
  };
  // A part can have its own address; the others are taken from the page.
  const look = async () => {
    const parts = [...document.querySelectorAll('[data-renew]')].filter((part) => part.id && !touched(part));
    for (const [address, group] of Map.groupBy(parts, (part) => part.dataset.renew || location.href)) {
      const answer = await fetch(address, { headers: { 'X-Requested-With': 'fetch' }, signal: AbortSignal.timeout(20000) }).catch(() => null);
      if (!answer || !answer.ok || answer.redirected) continue;
      const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
      for (const part of group) {
        const next = fresh.getElementById(part.id);
        if (!next || touched(part) || next.isEqualNode(part)) continue;
        const focused = part.contains(document.activeElement) && document.activeElement.getAttribute('href');
        const row = rowsOf(part).indexOf(document.activeElement);
        // A screen reader watches this element, so it must stay the same.
        if (part.role === 'status') part.replaceChildren(...next.childNodes);
        else part.replaceWith(document.adoptNode(next));
        if (focused) document.getElementById(part.id)?.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
        else if (row >= 0) focusOn(rowsOf(document.getElementById(part.id) || document)[row]);
      }
    }
    tell();
    offer();
  };
  // The first change is shown at once, the next ones within a second; a slow server gets as long a rest as it worked.
  const soon = () => {
    if (renewing) again = true;
    if (waiting || renewing) return;
    waiting = setTimeout(() => { waiting = 0; if (renewing) again = true; else renew(); }, Math.max(100 * Math.random(), last + Math.max(500, Math.min(took, 10000)) - Date.now()));
  };

  // Counts the selected rows of a list where its actions are.
  const count = (form) => {
    const legend = form && form.querySelector('[data-selected]');
    if (!legend) return;
    const number = form.querySelectorAll(`input[name="${legend.dataset.selected}"]:checked`).length;
    legend.textContent = number > 0 ? put(say.selected, digits(number)) : say.none;
  };
  // What needs script is hidden until there is one.
  const offer = () => {
    document.querySelectorAll('[data-choose]').forEach((all) => { all.hidden = false; count(all.form); });
    document.querySelectorAll('[data-copy]').forEach((button) => { button.hidden = false; });
  };
  document.addEventListener('change', ({ target }) => {
    if (target.dataset && target.dataset.choose) {
      for (const box of target.form.querySelectorAll(`input[name="${target.dataset.choose}"]`)) box.checked = target.checked;
    }
    count(target.form);
  });

  // Shows when a pasted JWT expires; the server checks it again.
  document.addEventListener('input', ({ target }) => {
    const note = target.form && target.name && target.form.querySelector(`[data-expiry-of="${target.name}"]`);
    if (!note) return;
    let text = '';
    try {
      const claims = JSON.parse(atob(target.value.replace(/\s/g, '').split('.')[1].replace(/-/g, '+').replace(/_/g, '/')));
      const expires = new Date(claims.exp * 1000);
      const off = (expires - Date.now()) / 1000;
      text = put(off < 0 ? say.expired : say.expires, words(off), expires.toISOString().replace('T', ' ').slice(0, 16));
    } catch { text = target.value.trim() && say.opaque; }
    note.textContent = text;
    note.hidden = !text;
  });

  // An attempt opens in a drawer beside the list; its page stays a link for everyone else.
  const drawer = async (link) => {
    const answer = await fetch(link.href, { headers: { 'X-Requested-With': 'fetch' } }).catch(() => null);
    const found = answer && answer.ok && new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById('attempt');
    if (!found) { location.href = link.href; return; }
    const dialog = document.createElement('dialog');
    dialog.className = 'drawer';
    dialog.append(document.adoptNode(found));
    dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
    dialog.addEventListener('close', () => { dialog.remove(); link.focus(); });
    document.body.append(dialog);
    dialog.showModal();
    tell();
  };
  // Browsers give the clipboard only to pages over TLS; elsewhere a selection is copied, and stays where even that fails.
  const write = async (source) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(source.textContent).then(() => true, () => false);
    getSelection().selectAllChildren(source);
    const done = document.execCommand('copy');
    if (done) getSelection().removeAllRanges();
    return done;
  };
  document.addEventListener('click', async (event) => {
    const { target } = event;
    if (!(target instanceof Element)) return;
    const copy = target.closest('[data-copy]');
    if (copy) {
      copy.dataset.copy ||= copy.textContent;
      copy.textContent = await write(copy.parentElement.querySelector('code, output')) ? say.copied : say.uncopied;
      setTimeout(() => { copy.textContent = copy.dataset.copy; }, 1500);
    }
    const link = target.closest('a[data-drawer]');
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
      event.preventDefault();
      drawer(link);
    }
    for (const open of document.querySelectorAll('details.menu-of[open], details.me[open]')) if (!open.contains(target)) open.open = false;
  });

  // "/" searches, j and k walk through a list, Enter opens, x selects, Escape closes.
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape') for (const open of document.querySelectorAll('details.menu-of[open], details.me[open]')) { open.open = false; open.querySelector('summary').focus(); }
    if (event.key === 'Escape' && event.target.matches('[type=search], .find input')) event.target.blur();
    if (event.target.matches('input:not([type=checkbox]), textarea, select') || document.querySelector('dialog[open]')) return;
    if (event.key === '/') {
      event.preventDefault();
      document.querySelector('.find input')?.focus();
    } else if (event.key === 'j' || event.key === 'k') {
      const rows = rowsOf(document);
      const at = rows.findIndex((row) => row.contains(document.activeElement));
      focusOn(rows[Math.min(rows.length - 1, Math.max(0, at + (event.key === 'j' ? 1 : -1)))]);
    } else if (event.key === 'Enter' && rowsOf(document).includes(event.target)) {
      const menu = event.target.querySelector('summary');
      event.preventDefault();
      menu?.click();
      menu?.focus();
    } else if (event.key === 'x') {
      const box = document.activeElement.closest('tr')?.querySelector('.pick input');
      if (box) { box.checked = !box.checked; count(box.form); }
    }
  });

  // Changes on any node reach the page at once; without the stream it asks each half a minute.
  let stream = null;
  const listen = () => {
    const address = document.querySelector('[data-events]')?.dataset.events;
    if (!address || document.hidden) { stream?.close(); stream = null; return; }
    if (stream && stream.readyState !== EventSource.CLOSED) return;
    stream = new EventSource(address);
    stream.onmessage = soon;
  };

  tell();
  offer();
  listen();
  setInterval(tell, 1000);
  setInterval(() => { renew(); listen(); }, 30000);
  setInterval(() => { if (document.querySelector('[data-busy]')) renew(); }, 2000);
  document.addEventListener('visibilitychange', () => { listen(); if (!document.hidden) renew(); });
})();
