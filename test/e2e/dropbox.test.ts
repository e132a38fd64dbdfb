import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { signUp, type SignedIn } from "#test/basalt.ts";
import { verify } from "#test/emails.ts";
import { post } from "#test/http.ts";
import { openWebDav } from "#test/webdav.ts";

type Told = {
  readonly status: number;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
};
type Asked = { readonly as?: string; readonly args?: unknown; readonly body?: string };

describe("the API of Dropbox", () => {
  let house: Awaited<ReturnType<typeof openWebDav>>;
  let bob: SignedIn;
  let bobs: string;
  before(async () => {
    house = await openWebDav();
    bob = await signUp(house.served, "bob@example.com");
    await verify(house.served, "bob@example.com", bob);
    bobs = await house.basic(bob);
  });
  after(() => house.served[Symbol.asyncDispose]());

  async function ask(name: string, headers: Record<string, string>, body: string): Promise<Told> {
    const url = `${house.served.url}/dropbox/2/${name}`;
    const answer = await fetch(url, { method: "POST", headers, body });
    const text = await answer.text();
    const isJson = (answer.headers.get("content-type") ?? "").includes("json");
    const read = isJson ? (JSON.parse(text) as Told["body"] | null) : null;
    return { status: answer.status, text, body: read ?? {} };
  }
  const call = (name: string, args: unknown, as = house.authorization) =>
    ask(
      name,
      { "content-type": "application/json", ...(as === "" ? {} : { authorization: as }) },
      typeof args === "string" ? args : JSON.stringify(args),
    );
  const send = (name: string, { args, body = "", as = house.authorization }: Asked) =>
    ask(
      name,
      {
        authorization: as,
        "content-type": "application/octet-stream",
        ...(args === undefined ? {} : { "dropbox-api-arg": JSON.stringify(args) }),
      },
      body,
    );
  const summary = ({ body }: Told) => String(body["error_summary"]);
  const upload = (path: string, body: string, more: object = {}) =>
    send("files/upload", { args: { path, ...more }, body });

  test("refuses calls that are none, in the words of the API", async () => {
    for (const [name, args] of [
      ["files/nothing", {}],
      ["constructor", {}],
      ["files/get_metadata", "{"],
      ["files/get_metadata", "[]"],
      ["files/get_metadata", `{"path":${"[".repeat(5_000)}${"]".repeat(5_000)}}`],
      ["files/get_metadata", {}],
      ["files/get_metadata", { path: 7 }],
      ["files/list_folder", { path: "", recursive: true }],
      ["files/list_folder", { path: "/My files", limit: 0 }],
      ["files/list_folder", { path: "/My files", recursive: "yes" }],
      ["files/list_folder/continue", { cursor: "x.y" }],
      ["files/search_v2", { query: "x" }],
      ["files/move_batch_v2", { entries: [1] }],
      ["files/create_folder_batch", { paths: "x" }],
    ] as const) {
      const { status, text } = await call(name, args);
      assert.deepEqual([name, status, text.startsWith("{")], [name, 400, false], text);
    }
    assert.equal((await send("files/upload", { body: "x" })).status, 400);
    assert.equal((await send("files/upload", { args: [], body: "x" })).status, 400);
    const huge = `{"path":"${"x".repeat(2 ** 20)}"}`;
    assert.equal((await call("files/get_metadata", huge)).status, 400);
    assert.equal((await call("files/get_metadata", { path: "" }, "")).status, 401);
  });

  test("tells what is wrong with a path by its cases", async () => {
    const summaries = async (...paths: readonly string[]) =>
      Promise.all(paths.map(async (path) => summary(await call("files/get_metadata", { path }))));
    assert.deepEqual(
      await summaries("", "no-slash", "/My files//x", "/No space/x", "/My files/no", "id:node_x"),
      [
        "path/malformed_path/",
        "path/malformed_path/",
        "path/malformed_path/",
        "path/not_found/",
        "path/not_found/",
        "path/malformed_path/",
      ],
    );
    assert.equal(summary(await upload("/x", "1")), "path/no_write_permission/");
    assert.equal(summary(await upload("/My files/nul.txt", "1")), "path/disallowed_name/");
    const over = await call("files/create_folder_v2", { path: "/My files/a\u0000b" });
    assert.equal(summary(over), "path/disallowed_name/");
    const moved = { from_path: "/My files", to_path: "/My files/inside" };
    assert.equal(summary(await call("files/move_v2", moved)), "to/restricted_content/");
    await call("files/create_folder_v2", { path: "/My files/outer" });
    const inside = { from_path: "/My files/outer", to_path: "/My files/outer/inner" };
    const circle = await call("files/move_v2", inside);
    assert.equal(summary(circle), "to/cant_move_folder_into_itself/");
    assert.equal(summary(await upload("/My files/outer", "1")), "path/conflict/folder/");
  });

  test("keeps nothing of a content that has another hash than was said", async () => {
    const args = { content_hash: "0".repeat(64) };
    const refused = await upload("/My files/hashed.txt", "1", args);
    assert.equal(summary(refused), "content_hash_mismatch/");
    const there = await call("files/get_metadata", { path: "/My files/hashed.txt" });
    assert.equal(summary(there), "path/not_found/");
  });

  test("ends sessions of equal contents, whose places are free again", async () => {
    const session = async (body: string) => {
      const { body: told } = await send("files/upload_session/start", { args: {}, body });
      return String(told["session_id"]);
    };
    const finish = (session_id: string, path: string, offset: number) =>
      send("files/upload_session/finish", {
        args: { cursor: { session_id, offset }, commit: { path } },
      });
    await upload("/My files/equal.txt", "same");
    const equal = await session("same");
    const first = await finish(equal, "/My files/equal.txt", 4);
    assert.equal(first.status, 200, first.text);
    const again = await finish(equal, "/My files/equal.txt", 4);
    assert.deepEqual(again.body, first.body, "a repeated request gets the first answer");
    const gap = await send("files/upload_session/start", {
      args: { session_type: "concurrent" },
      body: "",
    });
    const session_id = String(gap.body["session_id"]);
    const cursor = { session_id, offset: 4 * 2 ** 20 };
    await send("files/upload_session/append_v2", { args: { cursor }, body: "late" });
    const holed = await finish(session_id, "/My files/holed.bin", 4);
    assert.equal(summary(holed), "lookup_failed/incorrect_offset/");
    const args = { content_hash: "0".repeat(64) };
    const hashed = await send("files/upload_session/start", { args, body: "x" });
    assert.equal(summary(hashed), "content_hash_mismatch/");
  });

  test("gives spaces of one name different paths", async () => {
    const at = { url: house.served.url, headers: house.ada.headers };
    const { body: twin } = await post(at, "/drive/spaces", { name: "My files" });
    const id = String(twin["id"]);
    const { body } = await call("files/list_folder", { path: "" });
    const names = (body["entries"] as readonly { name: string }[]).map(({ name }) => name);
    assert.deepEqual(names.toSorted(), ["My files", id].toSorted());
    const kept = await upload(`/${id}/in-twin.txt`, "twin");
    const found = await call("files/get_metadata", { path: kept.body["id"] });
    assert.equal(found.body["path_display"], `/${id}/in-twin.txt`);
    const read = await send("files/download", {
      args: { path: `/${id}/in-twin.txt` },
    });
    assert.equal(read.text, "twin");
  });

  test("tells a folder again that was moved or put in the trash", async () => {
    await upload("/My files/followed/one.txt", "1");
    const { body } = await call("files/list_folder", { path: "/My files/followed" });
    const cursor = String(body["cursor"]);
    const follow = async () => summary(await call("files/list_folder/continue", { cursor }));
    await call("files/move_v2", { from_path: "/My files/followed", to_path: "/My files/led" });
    assert.equal(await follow(), "reset/");
    await call("files/move_v2", { from_path: "/My files/led", to_path: "/My files/followed" });
    assert.equal((await call("files/list_folder/continue", { cursor })).status, 200);
    await call("files/delete_v2", { path: "/My files/followed" });
    assert.equal(await follow(), "reset/");
  });

  test("answers no other user, by path, id, rev, session or cursor", async () => {
    const mine = await upload("/My files/mine.txt", "secret");
    const { id, rev } = mine.body as { id: string; rev: string };
    for (const path of ["/My files/mine.txt", id, `rev:${rev}`]) {
      const told = await call("files/get_metadata", { path }, bobs);
      assert.equal(summary(told), "path/not_found/", path);
      assert.ok(!told.text.includes("secret") && !told.text.includes("mine"), told.text);
      const read = await send("files/download", { args: { path }, as: bobs });
      assert.equal(read.status, 409, path);
    }
    assert.equal((await call("files/restore", { path: "/x", rev }, bobs)).status, 409);
    const started = await send("files/upload_session/start", { args: {}, body: "1" });
    const session_id = String(started.body["session_id"]);
    const appended = await send("files/upload_session/append_v2", {
      args: { cursor: { session_id, offset: 1 } },
      body: "2",
      as: bobs,
    });
    assert.equal(summary(appended), "not_found/");
    const list = await call("files/list_folder", { path: "/My files" });
    const cursor = String(list.body["cursor"]);
    assert.equal((await call("files/list_folder/continue", { cursor }, bobs)).status, 400);
    const [text = "", signature = ""] = cursor.split(".");
    const read = JSON.parse(Buffer.from(text, "base64url").toString()) as object;
    const forged = Buffer.from(JSON.stringify({ ...read, actor: bob.userId })).toString(
      "base64url",
    );
    for (const other of [`${forged}.${signature}`, `${text}.${signature}x`, text])
      assert.equal((await call("files/list_folder/continue", { cursor: other }, bobs)).status, 400);
  });

  test("lets a client with a cursor and no credential wait for a change, and do nothing else", async () => {
    const list = await call("files/list_folder", { path: "/My files" });
    const cursor = String(list.body["cursor"]);
    const longpoll = (args: object) => call("files/list_folder/longpoll", args, "");
    assert.deepEqual((await longpoll({ cursor, timeout: 0 })).body, { changes: false });
    const waiting = longpoll({ cursor, timeout: 30 });
    await upload("/My files/news.txt", "1");
    assert.deepEqual((await waiting).body, { changes: true });
    assert.equal((await longpoll({ cursor: "x.y" })).status, 400);
    assert.equal((await call("files/list_folder/continue", { cursor }, "")).status, 401);
  });

  test("a key that only reads writes nothing, and says so before any bytes come", async () => {
    const as = await house.basic(house.ada, ["spaces:read", "nodes:read"]);
    assert.equal((await call("files/list_folder", { path: "/My files" }, as)).status, 200);
    const put = await send("files/upload", { args: { path: "/My files/x" }, body: "1", as });
    assert.equal(put.status, 409);
    assert.match(summary(put), /no_write_permission/);
    const made = await call("files/create_folder_v2", { path: "/My files/y" }, as);
    assert.equal(summary(made), "path/no_write_permission/");
    const gone = await call("files/delete_v2", { path: "/My files/mine.txt" }, as);
    assert.equal(summary(gone), "path_write/no_write_permission/");
  });

  test("deletes a file only as the client knows it", async () => {
    const one = await upload("/My files/known.txt", "1");
    await upload("/My files/known.txt", "2", { mode: "overwrite" });
    const path = "/My files/known.txt";
    const stale = await call("files/delete_v2", { path, parent_rev: one.body["rev"] });
    assert.equal(summary(stale), "path_write/conflict/file/");
    const { body } = await call("files/get_metadata", { path });
    const gone = await call("files/delete_v2", { path, parent_rev: body["rev"] });
    assert.equal(gone.status, 200);
    const other = await upload("/My files/other.txt", "other");
    const wrong = { path: "/My files/mine.txt", parent_rev: other.body["rev"] };
    assert.equal(summary(await call("files/delete_v2", wrong)), "path_write/conflict/file/");
    const back = await call("files/restore", { path, rev: one.body["rev"] });
    assert.equal(back.body["size"], 1);
  });
});
