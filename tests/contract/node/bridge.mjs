// @instantdb/admin for a test in another language: one JSON request a line in, one JSON answer a line out.
import { createInterface } from "node:readline";
import { init } from "@instantdb/admin";

const db = init({
  appId: process.env.INSTANT_APP_ID,
  adminToken: process.env.INSTANT_APP_ADMIN_TOKEN,
  apiURI: process.env.INSTANT_API_URI,
});
const subscriptions = new Map();

const as = (who) => (who ? db.asUser(who) : db);

function chunks(steps) {
  return steps.map(([action, namespace, entity, values, options]) => {
    const row = db.tx[namespace][entity];
    return action === "delete" ? row.delete() : row[action](values, options);
  });
}

function say(answer) {
  process.stdout.write(JSON.stringify(answer) + "\n");
}

const work = {
  query: ({ query, who, ruleParams }) => as(who).query(query, ruleParams ? { ruleParams } : undefined),
  transact: ({ steps, who }) => as(who).transact(chunks(steps)),
  checkQuery: ({ query, who, rules }) => as(who).debugQuery(query, { rules }),
  checkTransact: ({ steps, who, rules }) => as(who).debugTransact(chunks(steps), { rules }),
  magicCode: ({ email }) => db.auth.generateMagicCode(email),
  signIn: ({ email, code }) => db.auth.checkMagicCode(email, code),
  createToken: ({ email }) => db.auth.createToken({ email }),
  verifyToken: ({ token }) => db.auth.verifyToken(token),
  signOut: ({ token }) => db.auth.signOut({ refresh_token: token }),
  getUser: ({ email }) => db.auth.getUser({ email }),
  deleteUser: ({ email }) => db.auth.deleteUser({ email }),
  presence: ({ room }) => db.rooms.getPresence("desk", room),
  watch: ({ watch, query, who }) => {
    const tell = (payload) => say({ watch, tree: payload.data, error: payload.error?.body });
    subscriptions.set(watch, as(who).subscribeQuery(query, tell));
  },
  unwatch: ({ watch }) => subscriptions.get(watch).close(),
};

async function answer({ id, op, ...details }) {
  try {
    say({ id, answer: (await work[op](details)) ?? null });
  } catch (error) {
    // Instant's own refusals carry a status; anything else is a fault of this bridge.
    say({ id, status: error.status ?? 0, body: error.body ?? { type: String(error) } });
  }
}

createInterface({ input: process.stdin })
  .on("line", (line) => answer(JSON.parse(line)))
  .on("close", () => process.exit(0));
