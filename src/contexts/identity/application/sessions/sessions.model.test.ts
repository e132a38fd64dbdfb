import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Context } from "#kernel/context.ts";
import { expect, ok } from "#kernel/result.ts";
import {
  cheapHashes,
  emailOf,
  goodPassword,
  identityOn,
  limits,
  memorySubject,
  minuteMs,
  passwordOf,
  type House,
  type OpenIdentity,
} from "../../testing/fixtures.ts";
import { SessionRefreshed } from "../../domain/events.ts";
import { SessionId } from "../../domain/ids.ts";
import type { Password } from "../../domain/password.ts";
import type { Session } from "../../domain/session.ts";
import type { UserId } from "../../domain/user-id.ts";
import { argon2Passwords } from "../../infrastructure/argon2-passwords.ts";
import type { IdentityScope, Passwords } from "../ports.ts";
import type { SignedIn } from "./start-session.ts";
import { SetPasswordToken, type Token } from "../tokens.ts";

const email = emailOf("ada@example.com");

/** What an outsider knows of a session: every token it ever gave out. */
type Known = {
  readonly id: SessionId;
  readonly password: Password;
  readonly tokens: SignedIn[];
  /** Set once something that ends it has answered ok. */
  isEnded: boolean;
};

/** The system, and the model of it that the outsider keeps. */
type World = {
  readonly house: House;
  readonly userId: UserId;
  readonly admin: () => Promise<Context>;
  readonly sessions: Known[];
  passwords: number;
  password: Password;
  isDisabled: boolean;
};

const nth = (n: number) => (n === 0 ? goodPassword : passwordOf(`battery staple ${n} correct`));
const pick = ({ sessions }: World, index: number) => sessions[index % Math.max(1, sessions.length)];

/** Ends in the model what the answer ends: all that was known when the question was put. */
const ending = (sessions: readonly Known[]) => () => {
  for (const session of sessions) session.isEnded = true;
};

type Op = { readonly name: string; readonly run: (world: World) => Promise<void> };

const signIn: Op = {
  name: "sign in",
  async run(world) {
    const { password, house } = world;
    const outcome = await house.signIn(email, password);
    if (!outcome.ok) return;
    const { value } = outcome;
    world.sessions.push({ id: value.session.id, password, tokens: [value], isEnded: false });
  },
};
const refresh = (index: number, age: number): Op => ({
  name: `refresh ${index} with its token ${age} back`,
  async run(world) {
    const session = pick(world, index);
    const token = session?.tokens.at(-1 - (age % session.tokens.length));
    if (!session || !token) return;
    const outcome = await world.house.refresh(token);
    if (outcome.ok) {
      assert.equal(outcome.value.session.id, session.id);
      session.tokens.push(outcome.value);
    } else if (outcome.error.type === "refresh-token-reused") session.isEnded = true;
  },
});
const end = (index: number): Op => ({
  name: `end ${index}`,
  async run(world) {
    const session = pick(world, index);
    const token = session?.tokens.at(-1);
    if (!session || !token) return;
    const context = await world.house.asking(token.accessToken);
    const input = { sessionId: token.session.id };
    if ((await world.house.identity.endSession(input, context)).ok) session.isEnded = true;
  },
});
const endAll: Op = {
  name: "end all",
  async run(world) {
    const done = ending([...world.sessions]);
    const outcome = await world.house.identity.endSessions(
      { userId: world.userId },
      await world.admin(),
    );
    if (outcome.ok) done();
  },
};
const reset: Op = {
  name: "reset the password",
  async run(world) {
    const { house, userId } = world;
    const known = [...world.sessions];
    const password = nth((world.passwords += 1));
    const { version } = await house.subject.read(await house.system(), ({ credentials }) =>
      credentials.byUser(userId),
    );
    const expiresAt = house.clock.now().replace(/^\d{4}/, "9999") as never;
    const claims = { userId, email, credentialsVersion: version, expiresAt };
    const token = house.deps.tokens.issue(SetPasswordToken, claims) as Token;
    const outcome = await house.identity.setPassword({ token, password }, await house.asking());
    if (!outcome.ok) return;
    ending(known)();
    world.password = password;
  },
};
const change = (index: number): Op => ({
  name: `change the password as ${index}`,
  async run(world) {
    const session = pick(world, index);
    const token = session?.tokens.at(-1);
    if (!session || !token) return;
    const { house, userId, password: currentPassword } = world;
    const others = world.sessions.filter((known) => known !== session);
    const newPassword = nth((world.passwords += 1));
    const outcome = await house.identity.changePassword(
      { userId, currentPassword, newPassword },
      await house.asking(token.accessToken),
    );
    if (!outcome.ok) return;
    ending(others)();
    world.password = newPassword;
  },
});
const setStatus = (status: "active" | "disabled"): Op => ({
  name: status === "active" ? "enable" : "disable",
  async run(world) {
    const done = ending(status === "disabled" ? [...world.sessions] : []);
    const input = { userId: world.userId, status };
    const outcome = await world.house.identity.setUserStatus(input, await world.admin());
    if (!outcome.ok) return;
    done();
    world.isDisabled = status === "disabled";
  },
});
const wait = (ms: number): Op => ({
  name: `wait ${ms} ms`,
  run: async ({ house }) => house.clock.advance(ms),
});

const index = fc.nat(5);
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(signIn) },
  { weight: 5, arbitrary: fc.tuple(index, fc.nat(3)).map(([i, age]) => refresh(i, age)) },
  { weight: 2, arbitrary: index.map(end) },
  { weight: 1, arbitrary: fc.constant(endAll) },
  { weight: 1, arbitrary: fc.constant(reset) },
  { weight: 1, arbitrary: index.map(change) },
  { weight: 2, arbitrary: fc.constantFrom("active", "disabled").map((s) => setStatus(s)) },
);
const pause = fc.constantFrom(1_000, limits.graceMs + 1).map(wait);
const shown = <T>(arbitrary: fc.Arbitrary<T>, text: (value: T) => string) =>
  arbitrary.map(
    (value) => Object.assign(value as object, { [fc.toStringMethod]: () => text(value) }) as T,
  );

async function begin(
  open: OpenIdentity = memorySubject,
  more: Parameters<typeof identityOn>[1] = {},
): Promise<World> {
  const house = await identityOn(open, more);
  const administrator = await house.administrator();
  const { userId, tokens } = await house.signedUp(email);
  const first = { id: tokens.session.id, password: goodPassword, tokens: [tokens], isEnded: false };
  return {
    house,
    userId,
    sessions: [first],
    passwords: 0,
    password: goodPassword,
    isDisabled: false,
    admin: administrator.asking,
  };
}

/** No token of an ended session is taken, however it was obtained. */
async function refuseTheEnded({ house, sessions, isDisabled }: World): Promise<void> {
  for (const { isEnded, tokens, id } of sessions) {
    if (!isEnded && !isDisabled) continue;
    for (const token of tokens) {
      assert.equal(await house.isAccepted(token), false, `access token of ${id}`);
      const refreshed = await house.refresh(token);
      assert.ok(!refreshed.ok, `refresh token of ${id}`);
    }
  }
}

/** What nobody ended goes on: else a system that refuses everybody would pass. */
async function acceptTheLive({ house, sessions, isDisabled }: World): Promise<void> {
  for (const { isEnded, tokens, id } of sessions) {
    const last = tokens.at(-1);
    if (isEnded || isDisabled || !last) continue;
    assert.equal(await house.isAccepted(last), true, `access token of ${id}`);
  }
}

test("ended sessions are refused and live ones accepted after any sequence of steps", async () => {
  const steps = fc.array(fc.oneof({ weight: 6, arbitrary: op }, { weight: 1, arbitrary: pause }), {
    maxLength: 25,
  });
  await fc.assert(
    fc.asyncProperty(
      shown(steps, (ops) => ops.map(({ name }) => name).join(", ")),
      async (ops) => {
        const world = await begin();
        for (const { run } of ops) {
          await run(world);
          await refuseTheEnded(world);
          await acceptTheLive(world);
        }
        world.house.clock.advance(minuteMs);
        await refuseTheEnded(world);
        await world.house[Symbol.asyncDispose]();
      },
    ),
    { numRuns: 150 },
  );
});

/** Lets the scheduler choose who goes on, at every question to a repository. */
const interleaved =
  (scheduler: fc.Scheduler): OpenIdentity =>
  async (clock, onAppended) => {
    const subject = await memorySubject(clock, onAppended);
    const slow = (scope: IdentityScope): IdentityScope => {
      const slowed = Object.entries(scope).map(([name, repository]) => [
        name,
        Object.fromEntries(
          Object.entries(repository as Record<string, (...args: unknown[]) => unknown>).map(
            ([method, ask]) => [
              method,
              method === "save" || method === "add"
                ? ask
                : (...args: unknown[]) =>
                    scheduler
                      .schedule(Promise.resolve(), `${name}.${method}`)
                      .then(() => ask(...args)),
            ],
          ),
        ),
      ]);
      return Object.fromEntries(slowed) as IdentityScope;
    };
    return {
      ...subject,
      read: (context, query) => subject.read(context, (scope) => query(slow(scope))),
      unitOfWork: (context, work, options) =>
        subject.unitOfWork(context, (scope) => work(slow(scope)), options),
    };
  };

/** Whoever got in with the password before, while it was replaced, is out again. */
async function refuseReplacedPasswords(
  { house, sessions, password, passwords }: World,
  ops: readonly Op[],
): Promise<void> {
  if (passwords !== 1 || !ops.includes(reset)) return; // of two at once, who came last is unknown
  for (const session of sessions.filter((known) => known.password !== password))
    for (const token of session.tokens)
      assert.equal(await house.isAccepted(token), false, `${session.id} has the old password`);
}

/** Hashing takes its time elsewhere: when it is done is the scheduler's choice too. */
function interleavedPasswords(scheduler: fc.Scheduler): Passwords {
  const { hash, verify, make } = argon2Passwords(cheapHashes);
  return {
    make,
    hash: (password) => scheduler.schedule(hash(password), "hash"),
    verify: async (password, hashOf) => {
      const known = await hashOf();
      return scheduler.schedule(
        verify(password, async () => known),
        "verify",
      );
    },
  };
}

test("no ended session is accepted again, whatever runs at once", async () => {
  const group = fc.array(op, { minLength: 2, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      shown(group, (ops) => ops.map(({ name }) => name).join(" | ")),
      async (scheduler, ops) => {
        const run = async () => {
          const passwords = interleavedPasswords(scheduler);
          const world = await begin(interleaved(scheduler), { passwords });
          await signIn.run(world);
          await Promise.all(ops.map((each) => each.run(world)));
          await refuseTheEnded(world);
          await refuseReplacedPasswords(world, ops);
          await world.house[Symbol.asyncDispose]();
        };
        await scheduler.waitFor(run());
      },
    ),
    { numRuns: 300 },
  );
});

test("the model sees a session that comes back to life", async () => {
  const world = await begin();
  await end(0).run(world);
  await refuseTheEnded(world);
  const { subject, system } = world.house;
  const context = await system();
  expect(
    await subject.unitOfWork(context, async ({ sessions }) => {
      const ended = await sessions.byId(
        world.sessions[0]?.id ?? SessionId.from(new Uint8Array(16)),
      );
      assert.equal(ended?.status, "ended");
      const { endedAt: _, ...record } = ended;
      const { id: sessionId, userId } = ended;
      sessions.save<Session>({
        state: { ...record, status: "live" },
        events: [SessionRefreshed({ sessionId, userId })],
      });
      return ok(undefined);
    }),
  );
  await assert.rejects(refuseTheEnded(world), /token of session_/);
});
