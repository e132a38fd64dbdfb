import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { Dropbox } from "dropbox";
import { openWebDav } from "#test/webdav.ts";

const block = 4 * 2 ** 20;
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
/** As Dropbox defines it. */
const contentHash = (bytes: Buffer) =>
  sha256(
    Buffer.concat(
      Array.from({ length: Math.ceil(bytes.length / block) }, (_, i) =>
        sha256(bytes.subarray(i * block, (i + 1) * block)),
      ),
    ),
  ).toString("hex");

type Failure = { readonly status: number; readonly error: { readonly error_summary: string } };

describe("the SDK of Dropbox", () => {
  let house: Awaited<ReturnType<typeof openWebDav>>;
  let box: Dropbox;
  before(async () => {
    house = await openWebDav({ BASALT_LIMIT_REQUESTS_PER_MINUTE: "1000000" });
    box = new Dropbox({
      accessToken: await house.keyOf(house.ada, [
        "spaces:read",
        "nodes:read",
        "nodes:update",
        "nodes:share",
      ]),
      // The SDK names hosts of Dropbox; the calls go to ours.
      fetch: (url: string, init: RequestInit) =>
        fetch(url.replace(/^https:\/\/[^/]+/, `${house.served.url}/dropbox`), init),
    });
  });
  after(() => house.served[Symbol.asyncDispose]());

  const bytesOf = async (path: string): Promise<Buffer> => {
    const { result } = await box.filesDownload({ path });
    return Buffer.from((result as unknown as { fileBinary: Uint8Array }).fileBinary);
  };
  const failure = async (work: Promise<unknown>): Promise<string> => {
    const error = (await work.then(
      () => assert.fail("it was not refused"),
      (reason: unknown) => reason,
    )) as Failure;
    assert.equal(error.status, 409, JSON.stringify(error));
    return error.error.error_summary;
  };
  const put = (path: string, contents: string | Buffer, more: object = {}) =>
    box.filesUpload({ path, contents, ...more });

  test("knows the user and says that a call arrives", async () => {
    assert.equal((await box.checkUser({ query: "there?" })).result.result, "there?");
    const { result } = await box.usersGetCurrentAccount();
    assert.equal(result.email, "ada@example.com");
    assert.ok((await box.usersGetSpaceUsage()).result.used >= 0);
  });

  test("uploads, overwrites, updates and renames as the modes say", async () => {
    const first = await put("/My files/Deep/er/a.txt", "one");
    assert.equal(first.result.path_display, "/My files/Deep/er/a.txt");
    assert.equal(first.result.content_hash, contentHash(Buffer.from("one")));
    const { rev } = first.result;
    assert.equal((await put("/My files/deep/ER/a.txt", "one")).result.rev, rev, "equal content");
    assert.match(await failure(put("/My files/Deep/er/a.txt", "two")), /^path\/conflict/);
    const renamed = await put("/My files/Deep/er/a.txt", "two", { autorename: true });
    assert.equal(renamed.result.name, "a (2).txt");
    const over = await put("/My files/Deep/er/a.txt", "two", { mode: { ".tag": "overwrite" } });
    assert.notEqual(over.result.rev, rev);
    const update = { ".tag": "update", update: rev };
    assert.match(
      await failure(put("/My files/Deep/er/a.txt", "stale", { mode: update })),
      /conflict/,
    );
    const copy = await put("/My files/Deep/er/a.txt", "stale", { mode: update, autorename: true });
    assert.match(copy.result.name, /conflicted copy/);
    const fresh = { ".tag": "update", update: over.result.rev };
    await put("/My files/Deep/er/a.txt", "three", { mode: fresh });
    assert.equal((await bytesOf("/My files/Deep/er/a.txt")).toString(), "three");
    assert.equal((await bytesOf(`rev:${rev}`)).toString(), "one");
    const older = await box.filesGetMetadata({ path: `rev:${rev}` });
    assert.equal((older.result as { rev?: string }).rev, rev);
    const byId = { mode: { ".tag": "overwrite" } };
    assert.equal((await put(first.result.id, "by id", byId)).result.id, first.result.id);
    const elsewhere = box.filesRestore({ path: "/My files/Deep/er/b.txt", rev });
    assert.match(await failure(elsewhere), /^invalid_revision/);
    const { result } = await box.filesListRevisions({ path: "/My files/Deep/er/a.txt" });
    assert.equal(result.entries.length, 4);
    await box.filesRestore({ path: "/My files/Deep/er/a.txt", rev });
    assert.equal((await bytesOf("/My files/Deep/er/a.txt")).toString(), "one");
    assert.match(await failure(box.filesGetMetadata({ path: "/My files/no" })), /not_found/);
  });

  test("sends a large file by sessions, in order and side by side, and many at once", async () => {
    const bytes = randomBytes(3 * block + 1_000);
    const start = await box.filesUploadSessionStart({ contents: bytes.subarray(0, block) });
    const { session_id } = start.result;
    const cursor = { session_id, offset: block };
    await box.filesUploadSessionAppendV2({ cursor, contents: bytes.subarray(block, 2 * block) });
    const wrong = box.filesUploadSessionAppendV2({ cursor, contents: Buffer.from("x") });
    assert.match(await failure(wrong), /^incorrect_offset/);
    const ended = await box.filesUploadSessionFinish({
      cursor: { session_id, offset: 2 * block },
      commit: { path: "/My files/large.bin" },
      contents: bytes.subarray(2 * block),
    });
    assert.equal(ended.result.size, bytes.length);
    assert.ok((await bytesOf("/My files/large.bin")).equals(bytes));

    const session_type = { ".tag": "concurrent" } as const;
    const beside = await box.filesUploadSessionStart({ session_type, contents: Buffer.alloc(0) });
    const id = beside.result.session_id;
    const offsets = [0, 1, 2, 3].map((i) => i * block);
    await Promise.all(
      offsets.map((offset) =>
        box.filesUploadSessionAppendV2({
          cursor: { session_id: id, offset },
          contents: bytes.subarray(offset, offset + block),
        }),
      ),
    );
    const batch = await box.filesUploadSessionFinishBatchV2({
      entries: [
        {
          cursor: { session_id: id, offset: bytes.length },
          commit: { path: "/My files/beside.bin" },
        },
        { cursor: { session_id: id, offset: 1 }, commit: { path: "/My files/no.bin" } },
      ],
    });
    assert.deepEqual(
      batch.result.entries.map((one) => one[".tag"]),
      ["success", "failure"],
    );
    assert.ok((await bytesOf("/My files/beside.bin")).equals(bytes));
  });

  test("ends a session again after a refusal, and a lost answer", async () => {
    const session_type = { ".tag": "concurrent" } as const;
    const contents = Buffer.from("odd");
    const { session_id } = (await box.filesUploadSessionStart({ session_type, contents })).result;
    const finish = (path: string) =>
      box.filesUploadSessionFinish({ cursor: { session_id, offset: 3 }, commit: { path } });
    assert.match(await failure(finish("/My files/nul.txt")), /disallowed_name/);
    await put("/My files/taken.txt", "x");
    assert.match(await failure(finish("/My files/taken.txt")), /^path\/conflict\/file/);
    const kept = await finish("/My files/odd.txt");
    assert.equal((await finish("/My files/odd.txt")).result.rev, kept.result.rev);
    await put("/My files/odd.txt", "newer", { mode: { ".tag": "overwrite" } });
    assert.match(await failure(finish("/My files/odd.txt")), /closed/);
  });

  test("uploads a tree at once, whose folders are not there yet", async () => {
    const names = Array.from({ length: 12 }, (_, i) => `/My files/New/deep/er/${i}`);
    await Promise.all(names.map((path) => put(path, path)));
    const { entries } = (await box.filesListFolder({ path: "/My files/New/deep/er" })).result;
    assert.equal(entries.length, names.length);
  });

  test("lists a tree in pages, and then what changes", async () => {
    for (const name of ["a", "b/c", "b/d", "e"]) await put(`/My files/Tree/${name}`, name);
    const seen: string[] = [];
    let page = (await box.filesListFolder({ path: "/My files/Tree", recursive: true, limit: 2 }))
      .result;
    for (;;) {
      seen.push(...page.entries.map((one) => one.path_display ?? ""));
      if (!page.has_more) break;
      page = (await box.filesListFolderContinue({ cursor: page.cursor })).result;
    }
    const at = "/My files/Tree";
    assert.deepEqual(seen, [at, `${at}/a`, `${at}/b`, `${at}/b/c`, `${at}/b/d`, `${at}/e`]);
    const waiting = box.filesListFolderLongpoll({ cursor: page.cursor, timeout: 30 });
    await box.filesMoveV2({ from_path: `${at}/b`, to_path: `${at}/moved` });
    assert.equal((await waiting).result.changes, true);
    const { result } = await box.filesListFolderContinue({ cursor: page.cursor });
    assert.deepEqual(
      result.entries.map((one) => `${one[".tag"]} ${one.path_display ?? ""}`),
      [`deleted ${at}/b`, `folder ${at}/moved`, `file ${at}/moved/c`, `file ${at}/moved/d`],
    );
    const spaces = (await box.filesListFolder({ path: "" })).result.entries;
    assert.deepEqual(
      spaces.map(({ name }) => name),
      ["My files"],
    );
  });

  test("makes, copies, moves and deletes, one by one and in batches", async () => {
    const made = await box.filesCreateFolderV2({ path: "/My files/One/Two" });
    assert.match(made.result.metadata.id, /^id:node_/);
    assert.match(
      await failure(box.filesCreateFolderV2({ path: "/My files/One/Two" })),
      /^path\/conflict\/folder/,
    );
    const again = await box.filesCreateFolderV2({ path: "/My files/One/Two", autorename: true });
    assert.equal(again.result.metadata.name, "Two (2)");
    await put("/My files/One/x", "x");
    const paths = { from_path: "/My files/One/x", to_path: "/My files/One/Two/y" };
    await box.filesCopyV2(paths);
    const moved = await box.filesMoveBatchV2({
      entries: [
        { from_path: "/My files/One/x", to_path: "/My files/One/z" },
        { from_path: "/My files/nothing", to_path: "/My files/One/n" },
      ],
    });
    assert.equal(moved.result[".tag"], "complete");
    const { entries } = moved.result as unknown as {
      entries: readonly { ".tag": string; failure?: unknown }[];
    };
    assert.deepEqual(
      entries.map((one) => one[".tag"]),
      ["success", "failure"],
    );
    const removed = await box.filesDeleteBatch({ entries: [{ path: "/My files/One/z" }] });
    assert.equal(removed.result[".tag"], "complete");
    await box.filesDeleteV2({ path: "/My files/One" });
    assert.match(await failure(box.filesDeleteV2({ path: "/My files/One" })), /^path_lookup/);
  });

  test("finds names, and makes, lists and revokes links", async () => {
    await put("/My files/Holiday pictures.txt", "sun");
    const found = await box.filesSearchV2({ query: "holiday" });
    assert.equal(found.result.matches.length, 1);
    const options = { path: "/My files/Deep" };
    const none = await box.filesSearchV2({ query: "holiday", options });
    assert.equal(none.result.matches.length, 0);
    const path = "/My files/Holiday pictures.txt";
    const { url } = (await box.sharingCreateSharedLinkWithSettings({ path })).result;
    const read = await fetch(`${url}/content`);
    assert.equal(await read.text(), "sun");
    const listed = await box.sharingListSharedLinks({ path });
    assert.deepEqual(
      listed.result.links.map((one) => one.url),
      [url],
    );
    for (const settings of [
      { require_password: true },
      { requested_visibility: { ".tag": "team_only" } },
      { audience: { ".tag": "no_one" } },
    ] as const)
      assert.match(
        await failure(box.sharingCreateSharedLinkWithSettings({ path, settings })),
        /^settings_error/,
      );
    await box.sharingRevokeSharedLink({ url });
    assert.equal((await fetch(`${url}/content`)).status, 404);
  });
});
