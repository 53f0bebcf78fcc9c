// Takes the pictures with the test project's Playwright and the distribution's Chromium; see screenshots.sh.
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
const { chromium } = require('../TokenRefresh.Tests/bin/Debug/net10.0/.playwright/package');
const [, , base, folder] = process.argv;

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
const open = async (width, height, colorScheme) => {
  const page = await (await browser.newContext({ baseURL: base, viewport: { width, height }, colorScheme })).newPage();
  await page.goto('/account/login');
  await page.getByLabel('Name').fill('admin');
  await page.getByLabel('Password').fill('a long enough password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  return page;
};
const shot = (page, name) => page.screenshot({ path: `${folder}/${name}.png` });

const page = await open(1280, 900, 'light');
await page.goto('/access/token-health');
const card = page.locator('form.standin').first();
await card.getByLabel('Behaviour').selectOption('503');
await card.getByRole('button', { name: 'Set' }).click();
await page.goto('/access/tokens');
await page.getByRole('button', { name: 'Force' }).first().click();
await page.goto('/access/tokens');
await page.setViewportSize({ width: 1280, height: 700 });
await shot(page, 'tokens');
await page.setViewportSize({ width: 1280, height: 900 });
await page.goto('/access/token-refresh-logs');
await shot(page, 'log');
await page.goto('/access/token-refresh-logs?status=failed#attempts');
await page.setViewportSize({ width: 1280, height: 640 });
await shot(page, 'log-rows');
await page.setViewportSize({ width: 1280, height: 900 });
await page.goto('/access/token-health');
await shot(page, 'health');
await page.locator('h2', { hasText: 'Recurring jobs' }).scrollIntoViewIfNeeded();
await page.evaluate(() => [...document.querySelectorAll('h2')].find((each) => each.textContent === 'Recurring jobs').scrollIntoView());
await shot(page, 'timetable');
await page.goto('/hangfire/jobs/succeeded');
await shot(page, 'hangfire');
const phone = await open(390, 844, 'dark');
await phone.goto('/access/token-refresh-logs');
await shot(phone, 'log-phone');
await phone.goto('/access/token-health');
await shot(phone, 'health-phone');
await browser.close();
