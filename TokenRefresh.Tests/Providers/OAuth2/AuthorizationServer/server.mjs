// oidc-provider on a free port of this machine, with rotation and reuse detection of refresh tokens.
// Prints one line of JSON when it listens: its address, and the refresh token of a grant as a person's sign-in would have started it.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const client = (client_id, client_secret, token_endpoint_auth_method, grant_types, redirect_uris = []) => ({
  client_id, client_secret, token_endpoint_auth_method, grant_types, redirect_uris, response_types: redirect_uris.length ? ['code'] : [],
});

const provider = new Provider(issuer, {
  clients: [
    client('machine', 'a secret: of the/machine', 'client_secret_basic', ['client_credentials']),
    client('poster', 'secret-of-the-poster', 'client_secret_post', ['client_credentials']),
    client('person', 'secret-of-the-person', 'client_secret_basic', ['authorization_code', 'refresh_token'], ['https://app.example.com/callback']),
  ],
  features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
  scopes: ['openid', 'offline_access', 'api:read', 'api:write'],
  rotateRefreshToken: true,
  ttl: { AccessToken: 600, ClientCredentials: 600, RefreshToken: 3600, Grant: 3600, IdToken: 600 },
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
});
server.on('request', provider.callback());

const grant = new provider.Grant({ accountId: 'alice', clientId: 'person' });
grant.addOIDCScope('openid offline_access');
const refreshToken = new provider.RefreshToken({
  client: await provider.Client.find('person'), accountId: 'alice', grantId: await grant.save(), scope: 'openid offline_access', gty: 'authorization_code', rotations: 0,
});
console.log(JSON.stringify({ issuer, refresh_token: await refreshToken.save() }));

// Ends with the test that started it.
process.stdin.resume();
process.stdin.on('end', () => process.exit());
