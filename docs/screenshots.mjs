// Takes the pictures with the test project's Playwright and the distribution's Chromium; see screenshots.sh.
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
const { chromium } = require('../TokenRefresh.Tests/bin/Debug/net10.0/.playwright/package');
const [, , base, folder] = process.argv;

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
const open = async (width, height, colorScheme, locale = 'en-GB') => {
  const page = await (await browser.newContext({ baseURL: base, viewport: { width, height }, colorScheme, locale })).newPage();
  await page.goto('/account/login');
  await page.locator('input[name=Name]').fill('admin');
  await page.locator('input[name=Password]').fill('a long enough password');
  await page.locator('main form button').click();
  await page.waitForURL('**/access');
  return page;
};
const shot = async (page, path, name) => {
  await page.goto(path);
  await page.screenshot({ path: `${folder}/${name}.png` });
};

const page = await open(1280, 900, 'light');
await page.goto('/access/providers/jibit');
await page.getByLabel('Behaviour').selectOption('401');
await page.getByRole('button', { name: 'Apply' }).click();
await page.goto('/access/tokens/jibit');
await page.getByRole('button', { name: 'Force' }).click();
await page.waitForURL('**/access/tokens/jibit');
await page.waitForTimeout(40_000);
await shot(page, '/access', 'overview');
await shot(page, '/access/tokens', 'tokens');
await shot(page, '/access/token-refresh-logs', 'log');
await shot(page, '/access/new-provider?type=OAuth2', 'add-provider');
await page.goto('/access/incidents');
await shot(page, await page.locator('.lines a').first().getAttribute('href'), 'incident');
await shot(page, '/access/token-health', 'system');
await shot(page, '/hangfire/jobs/succeeded', 'hangfire');
const persian = await open(390, 844, 'light', 'fa-IR');
await shot(persian, '/access', 'overview-fa');
const phone = await open(390, 844, 'dark');
await shot(phone, '/access/tokens', 'tokens-phone');
await shot(phone, '/access/token-refresh-logs', 'log-phone');
await browser.close();
