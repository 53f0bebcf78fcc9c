// Everything works without this. It tells relative times anew, and renews the parts of a page that are marked, each 30 s while
// the page is visible and nobody has typed, chosen or opened anything in them.
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
  // A part may name an address of its own; the others come from the page's.
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
        // What a screen reader watches must stay the same element.
        if (part.role === 'status') part.replaceChildren(...next.childNodes);
        else part.replaceWith(document.adoptNode(next));
      }
    }
    tell();
    offer();
  };

  // Chooses all rows of a list at once.
  const offer = () => document.querySelectorAll('[data-choose]').forEach((all) => { all.hidden = false; });
  document.addEventListener('change', ({ target }) => {
    if (!target.dataset || !target.dataset.choose) return;
    for (const box of target.form.querySelectorAll(`input[name="${target.dataset.choose}"]`)) box.checked = target.checked;
  });

  // Tells when a pasted JWT expires; the server reads it again and is the one to believe.
  document.addEventListener('input', ({ target }) => {
    const note = target.form && target.name && target.form.querySelector(`[data-expiry-of="${target.name}"]`);
    if (!note) return;
    let text = '';
    try {
      const claims = JSON.parse(atob(target.value.replace(/\s/g, '').split('.')[1].replace(/-/g, '+').replace(/_/g, '/')));
      const expires = new Date(claims.exp * 1000);
      const off = (expires - Date.now()) / 1000;
      text = `It says of itself that it ${off < 0 ? `expired ${words(off)} ago` : `expires in ${words(off)}`}: ${expires.toISOString().replace('T', ' ').slice(0, 16)} UTC.`;
    } catch { text = target.value.trim() && 'It is no JWT that tells when it expires: say it below.'; }
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
