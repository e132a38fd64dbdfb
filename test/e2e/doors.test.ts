import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { lockInfo, openWebDav } from "#test/webdav.ts";
import { tarOf } from "../../src/contexts/drive/testing/archives.ts";

let house: Awaited<ReturnType<typeof openWebDav>>;
before(async () => {
  house = await openWebDav();
});
after(() => house.served[Symbol.asyncDispose]());

type Ask = {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer> | string;
};
const api = "/api/v1/drive";

async function ask(path: string, { method = "GET", headers = {}, body }: Ask = {}) {
  const answer = await fetch(house.served.url + path, {
    method,
    headers: { authorization: house.authorization, ...headers },
    ...(body === undefined ? {} : { body }),
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${bytes.toString()}`);
  return { headers: answer.headers, bytes };
}
const owned = () => ({ authorization: house.ada.headers.authorization });
const octets = "application/octet-stream";
const dropbox = (name: string, args: object, body?: Uint8Array<ArrayBuffer>) =>
  ask(`/dropbox/2/files/${name}`, {
    method: "POST",
    headers: { "dropbox-api-arg": JSON.stringify(args), "content-type": octets },
    ...(body === undefined ? {} : { body }),
  });

/** Ways in: each makes a file of a name. */
const ways: Readonly<Record<string, (name: string, bytes: Uint8Array<ArrayBuffer>) => unknown>> = {
  API: (name, body) =>
    ask(`${api}/nodes/${house.rootId}/files?name=${name}`, {
      method: "POST",
      headers: { ...owned(), "content-type": octets },
      body,
    }),
  WebDAV: (name, body) => ask(`/dav/My%20files/${name}`, { method: "PUT", body }),
  tus: (name, body) =>
    ask("/tus/My%20files", {
      method: "POST",
      headers: {
        "tus-resumable": "1.0.0",
        "upload-length": String(body.length),
        "upload-metadata": `filename ${btoa(name)}`,
        "content-type": "application/offset+octet-stream",
      },
      body,
    }),
  Dropbox: (name, body) => dropbox("upload", { path: `/My files/${name}` }, body),
  async Nextcloud(name, body) {
    const { userId } = house.ada;
    const at = `/remote.php/dav/uploads/${userId}/${name}`;
    await ask(at, { method: "MKCOL" });
    await ask(`${at}/1`, { method: "PUT", body: body.subarray(0, 1_000) });
    await ask(`${at}/2`, { method: "PUT", body: body.subarray(1_000) });
    const destination = `${house.served.url}/remote.php/dav/files/${userId}/My%20files/${name}`;
    await ask(`${at}/.file`, { method: "MOVE", headers: { destination } });
  },
};

/** Ways out: each tells the bytes of a file, and what it says of which content that is. */
const readers: Readonly<Record<string, (name: string) => Promise<{ bytes: Buffer; tag: string }>>> =
  {
    async API(name) {
      const found = await ask(`${api}/spaces/${house.spaceId}/paths?path=/${name}`, {
        headers: owned(),
      });
      const { id } = JSON.parse(found.bytes.toString()) as { readonly id: string };
      const read = await ask(`${api}/nodes/${id}/content`, { headers: owned() });
      const revision = /r(\d+)/.exec(read.headers.get("etag") ?? "")?.[1] ?? "";
      return { bytes: read.bytes, tag: `${id.slice("node_".length)}.${revision}` };
    },
    async WebDAV(name) {
      const { bytes, headers } = await ask(`/dav/My%20files/${name}`);
      return { bytes, tag: (headers.get("etag") ?? "").replaceAll('"', "") };
    },
    async Nextcloud(name) {
      const path = `/remote.php/dav/files/ada@example.com/My%20files/${name}`;
      const { bytes, headers } = await ask(path);
      return { bytes, tag: (headers.get("etag") ?? "").replaceAll('"', "") };
    },
    async Dropbox(name) {
      const { bytes, headers } = await dropbox("download", { path: `/My files/${name}` });
      const told = headers.get("dropbox-api-result") ?? "";
      const { rev } = JSON.parse(told) as { readonly rev: string };
      const id = Buffer.from(rev.slice(0, -8), "hex").toString();
      return { bytes, tag: `${id}.${Number.parseInt(rev.slice(-8), 16)}` };
    },
  };

for (const [way, put] of Object.entries(ways))
  test(`a file that came in by ${way} is the same by all other ways`, async () => {
    const bytes = randomBytes(300_000);
    await put(way, bytes);
    const tags = new Set<string>();
    for (const [reader, read] of Object.entries(readers)) {
      const found = await read(way);
      assert.ok(found.bytes.equals(bytes), reader);
      tags.add(found.tag);
    }
    assert.equal(tags.size, 1, [...tags].join());
    assert.match([...tags].join(), /^[0-9a-z]{26}\.1$/);
  });

test("a request whose key is revoked while its body comes is refused by each way in, and changes nothing", async () => {
  const key = await house.keyOf(house.ada);
  const as = { authorization: `Basic ${btoa(`ada:${key}`)}` };
  const bearer = { authorization: `Bearer ${key}` };
  const space = "/dav/My%20files";
  await house.dav("PUT", house.here("/kept.txt"), { body: "kept" });
  const tus = { "tus-resumable": "1.0.0" };
  const begun = await fetch(`${house.served.url}/tus/${house.spaceId}`, {
    method: "POST",
    headers: {
      ...bearer,
      ...tus,
      "upload-length": "9",
      "upload-metadata": `filename ${btoa("tus.txt")}`,
    },
  });
  assert.equal(begun.status, 201);
  const staged = new URL(begun.headers.get("location") ?? "", house.served.url).pathname;
  const pieces = {
    ...tus,
    "upload-offset": "0",
    "content-type": "application/offset+octet-stream",
  };
  const sent = JSON.stringify({ path: "/My files/dropbox.txt" });
  const find = ['<propfind xmlns="DAV:">', "<allprop/></propfind>"] as const;
  const lock = [lockInfo().slice(0, 20), lockInfo().slice(20)] as const;
  const tar = (await tarOf([{ name: "batch.txt", text: "some text" }])).toString("latin1");
  const batch = `/api/v1/drive/nodes/${house.rootId}/batch`;
  const requests: readonly (readonly [
    string,
    string,
    Record<string, string>,
    readonly [string, string],
  ])[] = [
    ["PUT", `${space}/new.txt`, as, ["some ", "text"]],
    ["PUT", `${space}/kept.txt`, as, ["some ", "text"]],
    ["PROPFIND", `${space}/`, { ...as, depth: "1" }, find],
    ["LOCK", `${space}/kept.txt`, as, lock],
    ["PUT", "/remote.php/webdav/My%20files/cloud.txt", as, ["some ", "text"]],
    ["PATCH", staged, { ...bearer, ...pieces }, ["some ", "text"]],
    ["POST", "/dropbox/2/files/upload", { ...bearer, "dropbox-api-arg": sent }, ["some ", "text"]],
    ["POST", `/api/v1/drive/nodes/${house.rootId}/files?name=api.txt`, bearer, ["some ", "text"]],
    [
      "POST",
      batch,
      { ...bearer, "content-type": "application/x-tar" },
      [tar.slice(0, 99), tar.slice(99)],
    ],
  ];
  const { promise: isRevoked, resolve: go } = Promise.withResolvers<void>();
  const answers = requests.map(async ([method, path, headers, [first, rest]]) => {
    async function* body() {
      yield Buffer.from(first);
      await isRevoked;
      yield Buffer.from(rest);
    }
    const type = { "content-type": "application/octet-stream" };
    const slow = { body: ReadableStream.from(body()) as ReadableStream, duplex: "half" } as const;
    const asked: RequestInit = { method, headers: { ...type, ...headers }, ...slow };
    const answer = await fetch(house.served.url + path, asked);
    return `${method} ${path} ${answer.status}`;
  });
  await sleep(300);
  const revoked = await house.ask("DELETE", "/ocs/v2.php/core/apppassword", {
    as: as.authorization,
  });
  assert.equal(revoked.status, 200);
  go();
  for (const answer of await Promise.all(answers)) assert.match(answer, / 401$/);
  const { text } = await house.dav("PROPFIND", house.here("/"), { depth: "1" });
  assert.doesNotMatch(text, /(new|cloud|dropbox|api|batch|tus)\.txt/);
  assert.equal((await house.dav("GET", house.here("/kept.txt"))).text, "kept");
});

test("strangers come in to see that a server is there, to wait with a cursor, and to connect a device, and by no other door", async () => {
  const doors = [
    ["PROPFIND", "/dav/"],
    ["PROPFIND", "/remote.php/dav/files/ada@example.com/"],
    ["MKCOL", "/remote.php/dav/uploads/ada@example.com/t"],
    ["PROPFIND", "/remote.php/webdav/"],
    ["GET", "/ocs/v2.php/cloud/user"],
    ["GET", "/ocs/v2.php/cloud/capabilities"],
    ["POST", "/tus/My%20files"],
    ["HEAD", "/tus/staging_00000000000000000000000000"],
    ["POST", "/dropbox/2/check/user"],
    ["POST", "/dropbox/2/files/upload"],
    ["POST", "/dropbox/2/files/upload_session/start"],
    ["POST", "/dropbox/2/files/list_folder/continue"],
    ["GET", "/status.php"],
    ["POST", "/dropbox/2/files/list_folder/longpoll"],
    ["DELETE", "/ocs/v2.php/core/apppassword"],
    ["POST", "/index.php/login/v2/poll"],
    ["GET", "/connect/x"],
  ] as const;
  const open: string[] = [];
  for (const [method, path] of doors) {
    const { status } = await fetch(house.served.url + path, { method });
    if (status !== 401) open.push(`${path} ${status}`);
  }
  assert.deepEqual(open, [
    "/ocs/v2.php/cloud/capabilities 200",
    "/status.php 200",
    "/dropbox/2/files/list_folder/longpoll 400",
    "/index.php/login/v2/poll 404",
    "/connect/x 410",
  ]);
});
