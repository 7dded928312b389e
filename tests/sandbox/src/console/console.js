'use strict';

// Interval between looks for changes, in milliseconds.
const INTERVAL = 1000;

let seen = '';

// The markup of each part as it was shown last.
const shown = {};

const byId = (id) => document.getElementById(id);

const list = (text) => text.split(',').map((one) => one.trim()).filter(Boolean);

// Sends a request to the control API. Returns the JSON of the response, or throws its error.
async function send(method, path, body) {
  const response = await fetch(path, { method, body, cache: 'no-store' });
  const text = await response.text();
  const answer = text.startsWith('{') ? JSON.parse(text) : {};
  if (!response.ok) throw new Error(answer.error || `status ${response.status}`);
  return answer;
}

function show(result, text, failed) {
  result.textContent = text;
  result.classList.toggle('failed', Boolean(failed));
}

// Adds new entries at the top, replaces changed ones and removes old ones, so that open entries stay open.
function merge(target, source) {
  const wanted = new Set([...source.children].map((entry) => entry.id));
  for (const entry of [...target.children]) if (!wanted.has(entry.id)) entry.remove();
  const added = [];
  for (const entry of [...source.children]) {
    const old = byId(entry.id);
    if (!old) {
      added.push(entry);
    } else if (old.dataset.version !== entry.dataset.version) {
      const details = entry.querySelector('details');
      if (details && old.querySelector('details').open) details.open = true;
      const focused = old.contains(document.activeElement);
      old.replaceWith(entry);
      if (focused) entry.querySelector('summary').focus();
    }
  }
  target.prepend(...added);
}

// Returns whether all parts could be shown. A part with the focus waits, so that no input is lost.
function update(parts) {
  let complete = true;
  for (const [name, markup] of Object.entries(parts)) {
    if (shown[name] === markup) continue;
    const target = document.querySelector(`[data-part="${name}"]`);
    const source = document.createElement('template');
    source.innerHTML = markup;
    if (name === 'activity') {
      merge(target, source.content);
    } else if (target.contains(document.activeElement)) {
      complete = false;
      continue;
    } else {
      target.replaceChildren(source.content);
    }
    shown[name] = markup;
  }
  return complete;
}

async function look() {
  const live = byId('live');
  let state = 'live';
  try {
    const response = await fetch(`/_sandbox/console/parts?seen=${seen}`, { cache: 'no-store' });
    if (response.status === 200) {
      const answer = await response.json();
      seen = update(answer.parts) ? answer.seen : '';
    } else if (!response.ok) {
      state = 'stopped';
    }
  } catch {
    state = 'stopped';
  }
  if (live.dataset.live !== state) {
    live.dataset.live = state;
    live.textContent = state === 'live' ? 'Live' : 'The sandbox does not answer';
  }
}

async function keepLooking() {
  if (!document.hidden) await look();
  setTimeout(keepLooking, INTERVAL);
}

// Buttons that call the control API.
document.addEventListener('click', async (event) => {
  const button = event.target.closest('button[data-path]');
  if (!button) return;
  const { method, path, body } = button.dataset;
  button.blur();
  const result = button.closest('section').querySelector('.result');
  try {
    await send(method, path, body);
    if (result) show(result, '');
  } catch (error) {
    if (result) show(result, error.message, true);
  }
  look();
});

// Switches are sent one by one.
document.addEventListener('change', async (event) => {
  const input = event.target.closest('[data-switch]');
  if (!input) return;
  const values = {
    'on-off': () => input.checked,
    text: () => input.value,
    number: () => (input.value === '' ? null : Number(input.value)),
    'optional-text': () => input.value || null,
    list: () => (input.value ? list(input.value) : null),
  };
  const result = byId('switches').querySelector('.result');
  try {
    await send('POST', '/_sandbox/switches', JSON.stringify({ [input.id]: values[input.dataset.switch]() }));
    show(result, `${input.id} is set`);
  } catch (error) {
    show(result, error.message, true);
    // The value that is in force.
    input.value = input.defaultValue;
  }
  look();
});

// Sends a form as JSON, and shows the outcome below it.
function onSubmit(id, path, members, done) {
  const form = byId(id);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const result = form.parentElement.querySelector('.result');
    try {
      await send('POST', path, JSON.stringify(members(form.elements, form)));
      show(result, done);
    } catch (error) {
      show(result, error.message, true);
    }
    look();
  });
}

function faultMembers(fields) {
  const fault = { path: fields.path.value, ...JSON.parse(fields.effect.value) };
  for (const name of ['status', 'delay_ms', 'times', 'skip']) {
    if (fields[name].value !== '') fault[name] = Number(fields[name].value);
  }
  if (fields.retry_after.value !== '') fault.headers = { 'Retry-After': fields.retry_after.value };
  if (fields.after.checked) fault.after = true;
  return fault;
}

function linkMembers(fields, form) {
  return {
    partner_id: form.dataset.partner,
    partner_user_id: fields.partner_user_id.value,
    account: fields.account.value,
    entitlements: list(fields.entitlements.value),
  };
}

// The members of a signed request. A long lower-case hexadecimal text is a Partner User ID.
function signedMembers(fields, sends) {
  const person = fields.person.value.trim();
  const members = { operation: fields.operation.value, send: sends };
  members[/^[0-9a-f]{16,128}$/.test(person) ? 'partner_user_id' : 'sub'] = person;
  if (takesEntitlements(fields)) members.entitlements = list(fields.entitlements.value);
  if (fields.version.value !== '') members.version = Number(fields.version.value);
  return members;
}

const takesEntitlements = (fields) => fields.operation.selectedOptions[0].dataset.entitlements === 'true';

// Shows texts with titles, each as a block of code.
function showBlocks(target, blocks) {
  target.replaceChildren(
    ...blocks.flatMap(([title, text]) => {
      const heading = document.createElement('h3');
      heading.textContent = title;
      const block = document.createElement('pre');
      block.tabIndex = 0;
      block.setAttribute('aria-label', title);
      block.textContent = text;
      return [heading, block];
    }),
  );
}

async function makeSigned(sends) {
  const form = byId('signed-request-form');
  if (!form.reportValidity()) return;
  const result = byId('signed-result');
  try {
    const body = JSON.stringify(signedMembers(form.elements, sends));
    const answer = await send('POST', '/_sandbox/console/signed-request', body);
    const blocks = [['Claims', JSON.stringify(answer.claims, null, 2)]];
    if (sends) {
      const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body, null, 2);
      blocks.unshift([`Response ${answer.status}`, text]);
    } else {
      blocks.unshift(['Valid for five minutes, and once', answer.curl]);
    }
    showBlocks(result, blocks);
  } catch (error) {
    showBlocks(result, [['Not sent', error.message]]);
  }
  look();
}

function showFields() {
  const form = byId('signed-request-form');
  byId('entitlements-field').hidden = !takesEntitlements(form.elements);
}

onSubmit('fault-form', '/_sandbox/faults', faultMembers, 'The fault is set.');
onSubmit('link-form', '/_sandbox/links', linkMembers, 'The link is there.');
byId('signed-request-form').addEventListener('submit', (event) => {
  event.preventDefault();
  makeSigned(true);
});
byId('show-curl').addEventListener('click', () => makeSigned(false));
byId('operation').addEventListener('change', showFields);
byId('filter').addEventListener('change', (event) => {
  byId('activity-list').dataset.filter = event.target.value;
});
showFields();
keepLooking();
