// oidc-provider as a company's identity provider. Its people, the addresses that it sends them back to and its pace are set by the tests:
// PUT /test/people/NAME with claims, PUT /test/callbacks with an address. Prints one line of JSON when it listens: its issuer.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const people = new Map();
const callbacks = new Set();

const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));

// By name, while the panel is at an address: for a browser these are two sites, as a company's are.
const issuer = `http://localhost:${server.address().port}`;

const scopes = 'openid profile email';
const client = (client_id, client_secret, token_endpoint_auth_method = 'client_secret_post') => ({
  client_id, client_secret, token_endpoint_auth_method, redirect_uris: ['https://panel.example.com/account/oidc/callback'], response_types: ['code'],
  grant_types: ['authorization_code'],
});

const provider = new Provider(issuer, {
  clients: [client('panel', 'secret-of-the-panel'), client('public-panel', undefined, 'none')],
  // One sends its claims in the ID token, another by userinfo only; what stands for a role differs, too.
  claims: { openid: ['sub', 'roles', 'groups'], profile: ['preferred_username'], email: ['email'] },
  scopes: scopes.split(' '),
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/sign-in/${interaction.uid}` },
  ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Session: 600, Grant: 600 },
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: `id-of-${accountId}`, ...people.get(accountId) }) }),
  // Nobody is asked for consent: a company has given it for its people.
  loadExistingGrant: async (ctx) => {
    const grant = new provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope(scopes);
    await grant.save();
    return grant;
  },
});
provider.Client.prototype.redirectUriAllowed = (address) => callbacks.has(address);
const answer = provider.callback();

const page = '<!doctype html><title>Company</title><form method="post"><label>Account <input name="account"></label><button name="act" value="go">Continue</button><button name="act" value="cancel">Cancel</button></form>';

const read = async (request) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
};

server.on('request', async (request, response) => {
  const { pathname } = new URL(request.url, issuer);
  if (request.method === 'PUT' && pathname.startsWith('/test/people/')) {
    people.set(decodeURIComponent(pathname.slice('/test/people/'.length)), JSON.parse(await read(request)));
    response.end();
  } else if (request.method === 'PUT' && pathname === '/test/callbacks') {
    callbacks.add(await read(request));
    response.end();
  } else if (request.method === 'GET' && pathname.startsWith('/sign-in/')) {
    response.setHeader('Content-Type', 'text/html').end(page);
  } else if (request.method === 'POST' && pathname.startsWith('/sign-in/')) {
    const form = new URLSearchParams(await read(request));
    await provider.interactionFinished(request, response, form.get('act') === 'cancel'
      ? { error: 'access_denied', error_description: 'the person cancelled' }
      : { login: { accountId: form.get('account') } });
  } else {
    answer(request, response);
  }
});
console.log(JSON.stringify({ issuer }));

// Ends with the test that started it.
process.stdin.resume();
process.stdin.on('end', () => process.exit());
