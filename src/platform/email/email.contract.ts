import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Email, SendEmail } from "./email.ts";

export type EmailSubject = AsyncDisposable & {
  readonly send: SendEmail;
  /** The emails that have arrived, in any order; one that was sent twice counts once. */
  readonly arrived: () => Promise<readonly Email[]>;
};

const greeting: Email = {
  id: "evt_1",
  to: "ada@example.com",
  subject: "Welcome",
  text: "Hello Ada,\n\nyour account is ready.\n",
};

/** The contract of the port `SendEmail`, which every adapter keeps. */
export function emailContract(name: string, open: () => Promise<EmailSubject>): void {
  describe(`email by ${name}`, () => {
    test("arrives as it was sent, whatever its alphabet", async () => {
      await using subject = await open();
      const greek = {
        ...greeting,
        id: "evt_2",
        subject: "Καλώς ήρθες 🎉",
        text: "Γειά σου, Ἄδα\n",
      };
      await subject.send(greeting);
      await subject.send(greek);
      const arrived = (await subject.arrived()).toSorted((a, b) => a.id.localeCompare(b.id));
      assert.deepEqual(arrived, [greeting, greek]);
    });

    test("has the same message id when it is sent again", async () => {
      await using subject = await open();
      await subject.send(greeting);
      await subject.send(greeting);
      assert.deepEqual(await subject.arrived(), [greeting]);
    });

    test("has one receiver and no header but its own, whatever the texts say", async () => {
      await using subject = await open();
      const sly = {
        ...greeting,
        subject: "Welcome\r\nBcc: eve@example.com",
        text: "Hello\r\n.\r\nRCPT TO:<eve@example.com>\r\n",
      };
      await subject.send(sly);
      const [arrived, ...others] = await subject.arrived();
      assert.deepEqual(others, []);
      assert.equal(arrived?.to, greeting.to);
    });
  });
}
