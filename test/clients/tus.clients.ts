import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { Upload, type UploadOptions } from "tus-js-client";
import { openWebDav } from "#test/webdav.ts";

describe("tus-js-client", () => {
  let house: Awaited<ReturnType<typeof openWebDav>>;
  before(async () => {
    house = await openWebDav();
  });
  after(() => house.served[Symbol.asyncDispose]());

  const options = (filename: string, more: Partial<UploadOptions>): UploadOptions => ({
    endpoint: `${house.served.url}/tus/My%20files/`,
    headers: { authorization: house.authorization },
    metadata: { filename },
    retryDelays: [100, 500],
    ...more,
  });
  /** Sends bytes to their end. Answers the address of the upload. */
  const send = (bytes: Buffer, filename: string, more: Partial<UploadOptions> = {}) =>
    new Promise<string | null>((resolve, reject) => {
      const upload = new Upload(bytes, {
        ...options(filename, more),
        onError: reject,
        onSuccess: () => resolve(upload.url),
      });
      upload.start();
    });
  /** Sends bytes until so many have been taken, and leaves. */
  const leave = (bytes: Buffer, filename: string, at: number, more: Partial<UploadOptions> = {}) =>
    new Promise<string>((resolve, reject) => {
      const upload = new Upload(bytes, {
        ...options(filename, more),
        onError: reject,
        onChunkComplete(_size, taken) {
          if (taken < at) return;
          void upload.abort().then(() => resolve(upload.url ?? ""));
        },
      });
      upload.start();
    });
  async function holds(name: string, bytes: Buffer): Promise<void> {
    const headers = { authorization: house.authorization };
    const answer = await fetch(house.to(house.here(`/${name}`)), { headers });
    assert.equal(answer.status, 200);
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes), name);
  }

  test("sends a file by one request, by many, and an empty one", async () => {
    const bytes = randomBytes(20_000_000);
    await send(bytes, "one.bin");
    await holds("one.bin", bytes);
    await send(bytes, "many.bin", { chunkSize: 3_000_000 });
    await holds("many.bin", bytes);
    await send(Buffer.alloc(0), "empty.bin");
    await holds("empty.bin", Buffer.alloc(0));
  });

  test("sends the bytes with the request that begins the upload, where it is told so", async () => {
    const bytes = randomBytes(1_000_000);
    await send(bytes, "with.bin", { uploadDataDuringCreation: true });
    await holds("with.bin", bytes);
  });

  test("goes on with an upload that was broken off", async () => {
    const bytes = randomBytes(20_000_000);
    const url = await leave(bytes, "broken.bin", 8_000_000, { chunkSize: 4_000_000 });
    let sent = 0;
    await send(bytes, "broken.bin", {
      uploadUrl: url,
      chunkSize: 4_000_000,
      onChunkComplete: (size) => (sent += size),
    });
    assert.ok(sent <= 12_000_000, `${sent} bytes were sent again`);
    await holds("broken.bin", bytes);
  });

  test("sends parts of a file side by side", async () => {
    const bytes = randomBytes(12_000_000);
    await send(bytes, "parallel.bin", { parallelUploads: 4 });
    await holds("parallel.bin", bytes);
  });

  test("gives up an upload", async () => {
    const bytes = randomBytes(9_000_000);
    const url = await leave(bytes, "gone.bin", 3_000_000, { chunkSize: 3_000_000 });
    await Upload.terminate(url, options("gone.bin", {}));
    const headers = { authorization: house.authorization, "tus-resumable": "1.0.0" };
    assert.equal((await fetch(url, { method: "HEAD", headers })).status, 404);
  });
});
