// Drives the vendor's own client through every call and prints what came back as one JSON object, by step.
import { createCrmBlock } from '@23blocks/block-crm';
import { createHttpTransport } from '@23blocks/transport-http';

const { BLOCKS_API_URL, BLOCKS_AUTH_TOKEN, BLOCKS_API_KEY } = process.env;

const connect = (token) =>
  createCrmBlock(
    createHttpTransport({
      baseUrl: BLOCKS_API_URL,
      headers: { Authorization: `Bearer ${token}`, AppId: BLOCKS_API_KEY },
      timeout: 300_000,
    }),
    { apiKey: BLOCKS_API_KEY },
  ).opportunities;

const failureOf = async (call) => {
  try {
    await call;
  } catch ({ name, code, status, message, source }) {
    return { name, code, status, message, source };
  }
  throw new Error('this call should have been refused');
};

const opportunities = connect(BLOCKS_AUTH_TOKEN);
const steps = {};

steps.list = await opportunities.list();
steps.pages = [];
for (const page of [1, 2, 3]) {
  steps.pages.push(await opportunities.list({ page, perPage: 3 }));
}
steps.ascending = await opportunities.list({ sortBy: 'name', sortOrder: 'asc' });
steps.descending = await opportunities.list({ sortBy: 'name', sortOrder: 'desc' });
steps.filtered = await opportunities.list({ ownerUniqueId: 'rep-ann', status: 'active' });
steps.search = await opportunities.search('portal & café', { page: 1, perPage: 5 });

const stays = await opportunities.create({
  name: 'Übersetzung "Q3"',
  code: 'C-1',
  accountUniqueId: 'acme',
  budget: 1200.5,
  ownerUniqueId: 'rep-ann',
  payload: { source: 'fair' },
  tags: ['new', 'eu'],
});
steps.create = stays;
steps.get = await opportunities.get(stays.uniqueId);
steps.update = await opportunities.update(stays.uniqueId, { notes: 'called', total: 990, ownerName: 'Ann' });
steps.updated = await opportunities.get(stays.uniqueId);
await opportunities.delete(stays.uniqueId);
steps.whileDeleted = await failureOf(opportunities.get(stays.uniqueId));

const goes = await opportunities.create({ name: 'Goes away', code: 'C-2' });
await opportunities.delete(goes.uniqueId);
steps.bothDeleted = await opportunities.listDeleted({ page: 1, perPage: 10 });
steps.recover = await opportunities.recover(stays.uniqueId);
steps.oneDeleted = await opportunities.listDeleted();

steps.blankName = await failureOf(opportunities.create({ name: ' ', code: 'C-3' }));
steps.wrongToken = await failureOf(connect('no-such-token').list());

process.stdout.write(JSON.stringify(steps));
