// Every page works without this script. It updates relative times, and reloads the marked parts of a page every 30 s while the
// page is visible and the user has not typed, selected or opened anything in them.
(() => {
  const units = [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']];
  const words = (seconds) => {
    let left = Math.floor(Math.abs(seconds));
    const parts = [];
    for (const [size, unit] of units) {
      const count = Math.floor(left / size);
      left -= count * size;
      if (count > 0 || parts.length > 0) parts.push(count > 0 ? `${count} ${unit}` : '');
      if (parts.length === 2) break;
    }
    return parts.filter(Boolean).join(' ') || '0 s';
  };
  const tell = () => {
    for (const time of document.querySelectorAll('time[data-relative]')) {
      const off = (new Date(time.dateTime) - Date.now()) / 1000;
      time.textContent = off < 0 && time.dataset.relative === 'ahead' ? 'any moment' : off < 0 ? `${words(off)} ago` : time.dataset.relative === 'left' ? words(off) : `in ${words(off)}`;
    }
  };

  const touched = (part) => part.contains(document.activeElement) && document.activeElement !== document.body
    || part.querySelector('details[open]') !== null
    || [...part.querySelectorAll('input')].some((input) => input.type === 'checkbox' ? input.checked !== input.defaultChecked : input.value !== input.defaultValue);
  // A part can have its own address; the others are taken from the page.
  const renew = async () => {
    if (document.hidden) return;
    const parts = [...document.querySelectorAll('[data-renew]')].filter((part) => part.id && !touched(part));
    for (const [address, group] of Map.groupBy(parts, (part) => part.dataset.renew || location.href)) {
      const answer = await fetch(address, { headers: { 'X-Requested-With': 'fetch' } }).catch(() => null);
      if (!answer || !answer.ok || answer.redirected) continue;
      const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
      for (const part of group) {
        const next = fresh.getElementById(part.id);
        if (!next || touched(part)) continue;
        // A screen reader watches this element, so it must stay the same.
        if (part.role === 'status') part.replaceChildren(...next.childNodes);
        else part.replaceWith(document.adoptNode(next));
      }
    }
    tell();
    offer();
  };

  // Counts the selected rows of a list where its actions are.
  const count = (form) => {
    const legend = form && form.querySelector('[data-selected]');
    if (!legend) return;
    const number = form.querySelectorAll(`input[name="${legend.dataset.selected}"]:checked`).length;
    legend.textContent = number > 0 ? `${number} selected` : 'Selected tokens';
  };

  // Selects all rows of a list at once.
  const offer = () => document.querySelectorAll('[data-choose]').forEach((all) => { all.hidden = false; count(all.form); });
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
      text = `This token ${off < 0 ? `expired ${words(off)} ago` : `expires in ${words(off)}`}: ${expires.toISOString().replace('T', ' ').slice(0, 16)} UTC.`;
    } catch { text = target.value.trim() && 'Not a JWT with an expiry: enter the expiry below.'; }
    note.textContent = text;
    note.hidden = !text;
  });

  tell();
  offer();
  setInterval(tell, 1000);
  setInterval(renew, 30000);
  setInterval(() => { if (document.querySelector('[data-busy]')) renew(); }, 2000);
  document.addEventListener('visibilitychange', () => { if (!document.hidden) renew(); });
})();
