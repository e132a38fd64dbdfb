import assert from "node:assert/strict";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { signUp } from "#test/basalt.ts";
import { verify } from "#test/emails.ts";
import { get, post } from "#test/http.ts";
import { lockInfo, openWebDav, type WebDav } from "#test/webdav.ts";

describe("locks over WebDAV", () => {
  let house: WebDav;
  before(async () => (house = await openWebDav()));
  after(() => house[Symbol.asyncDispose]());

  test("who began to send before somebody locked the file is refused at the end", async () => {
    const { hostname, port } = new URL(house.served.url);
    for (const path of ["/late.txt", "/late-new.txt"]) {
      if (path === "/late.txt") await house.dav("PUT", house.here(path), { body: "1" });
      const socket = net.connect(Number(port), hostname);
      const answer = new Promise<string>((resolve) => {
        let all = "";
        socket.on("data", (piece) => (all += String(piece))).on("close", () => resolve(all));
      });
      socket.write(
        `PUT /dav/My%20files${path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nauthorization: ${house.authorization}\r\nconnection: close\r\ncontent-length: 5\r\n\r\nab`,
      );
      await new Promise((resolve) => setTimeout(resolve, 200));
      const { token, text } = await house.locked(house.here(path));
      assert.notEqual(token, "", text);
      socket.write("cde");
      assert.match(await answer, /^HTTP\/1.1 423 /);
      assert.notEqual((await house.dav("GET", house.here(path))).text, "abcde");
    }
  });

  test("a lock keeps those out who do not name it, and does not change the tag", async () => {
    const { headers } = await house.dav("PUT", house.here("/l.txt"), { body: "1" });
    const { status, token, text } = await house.locked(house.here("/l.txt"), {
      timeout: "Second-100",
    });
    assert.equal(status, 200);
    assert.match(text, /<D:timeout>Second-100<.*<D:lockroot><D:href>\/dav\/My%20files\/l.txt</);
    assert.match(text, /<D:owner>ada</);
    const seen = await house.dav("HEAD", house.here("/l.txt"));
    assert.equal(seen.headers.get("etag"), headers.get("etag"));
    assert.equal((await house.locked(house.here("/l.txt"))).status, 423);
    for (const [method, more] of [
      ["PUT", { body: "2" }],
      ["DELETE", {}],
      ["MOVE", { destination: house.to(house.here("/moved")) }],
      [
        "PROPPATCH",
        {
          body: `<propertyupdate xmlns="DAV:"><set><prop><a xmlns="urn:x"/></prop></set></propertyupdate>`,
        },
      ],
    ] as const) {
      const answer = await house.dav(method, house.here("/l.txt"), more);
      assert.equal(answer.status, 423, method);
      assert.match(answer.text, /<D:lock-token-submitted><D:href>\/dav\/My%20files\/l.txt</);
    }
    assert.equal(
      await house.statusOf("COPY", house.here("/l.txt"), {
        destination: house.to(house.here("/l2.txt")),
      }),
      201,
    );
    assert.equal(
      await house.statusOf("COPY", house.here("/l2.txt"), {
        destination: house.to(house.here("/l.txt")),
      }),
      423,
    );
    assert.equal(
      await house.statusOf("PUT", house.here("/l.txt"), { body: "2", if: `(<${token}>)` }),
      204,
    );
    assert.equal(
      await house.statusOf("PUT", house.here("/l.txt"), { body: "3", if: "(<urn:basalt:x>)" }),
      412,
    );
    assert.equal(await house.statusOf("PUT", house.here("/l.txt"), { body: "3", if: "(" }), 400);
    const renewed = await house.dav("LOCK", house.here("/l.txt"), {
      if: `(<${token}>)`,
      timeout: "Infinite",
    });
    assert.match(renewed.text, /<D:timeout>Second-604800</);
    assert.equal(
      await house.statusOf("LOCK", house.here("/l.txt"), { if: "(Not <DAV:no-lock>)" }),
      412,
    );

    assert.equal(
      await house.statusOf("UNLOCK", house.here("/l2.txt"), { "lock-token": `<${token}>` }),
      409,
    );
    assert.equal(
      await house.statusOf("UNLOCK", house.here("/l.txt"), { "lock-token": token }),
      400,
    );
    assert.equal(
      await house.statusOf("UNLOCK", house.here("/l.txt"), { "lock-token": `<${token}>` }),
      204,
    );
    assert.equal(
      await house.statusOf("UNLOCK", house.here("/l.txt"), { "lock-token": `<${token}>` }),
      409,
    );
    assert.equal(await house.statusOf("PUT", house.here("/l.txt"), { body: "4" }), 204);
  });

  test("a lock of a folder covers what lies below, is found from there, and does not go with a move", async () => {
    await house.dav("MKCOL", house.here("/D"));
    await house.dav("MKCOL", house.here("/D/E"));
    await house.dav("PUT", house.here("/D/E/f"), { body: "1" });
    const { token } = await house.locked(house.here("/D"));
    const named = { if: `<${house.to(house.here("/D"))}> (<${token}>)` };
    assert.equal(await house.statusOf("PUT", house.here("/D/E/f"), { body: "2" }), 423);
    assert.equal(await house.statusOf("PUT", house.here("/D/E/new"), { body: "2" }), 423);
    assert.equal(await house.statusOf("MKCOL", house.here("/D/new")), 423);
    assert.equal(await house.statusOf("PUT", house.here("/D/E/f"), { body: "2", ...named }), 204);
    const found = await house.dav("PROPFIND", house.here("/D/E"), { depth: "1" });
    const roots = [...found.text.matchAll(/<D:lockroot><D:href>([^<]*)/g)].map(([, root]) => root);
    assert.deepEqual(roots, ["/dav/My%20files/D/", "/dav/My%20files/D/"]);
    assert.equal((await house.locked(house.here("/D/E/f"))).status, 423);
    const renewed = await house.dav("LOCK", house.here("/D/E/f"), { if: `(<${token}>)` });
    assert.match(renewed.text, /<D:lockroot><D:href>\/dav\/My%20files\/D\//);
    const move = { destination: house.to(house.here("/D2")), ...named };
    assert.equal(await house.statusOf("MOVE", house.here("/D"), move), 201);
    assert.equal(
      await house.statusOf("PUT", house.here("/D2/E/f"), { body: "3" }),
      204,
      "the lock has ended",
    );

    const shallow = await house.locked(house.here("/D2"), { depth: "0" });
    assert.equal(await house.statusOf("PUT", house.here("/D2/E/f"), { body: "4" }), 204);
    assert.equal(await house.statusOf("PUT", house.here("/D2/new"), { body: "4" }), 423);
    assert.equal(await house.statusOf("DELETE", house.here("/D2/E")), 423);
    const mine = { body: "4", if: `(<${shallow.token}>)` };
    assert.equal(await house.statusOf("PUT", house.here("/D2/new"), mine), 201);
    assert.equal((await house.locked(house.here("/D2"), { depth: "1" })).status, 400);
  });

  test("a path without a file is locked by making an empty one, and two share a lock", async () => {
    const made = await house.locked(house.here("/empty"));
    assert.equal(made.status, 201);
    assert.equal((await house.dav("GET", house.here("/empty"))).text, "");
    assert.equal((await house.locked(house.here("/none/empty"))).status, 409);
    const racing = Array.from(
      { length: 6 },
      async () => (await house.locked(house.here("/raced-lock"))).status,
    );
    const statuses = (await Promise.all(racing)).toSorted((a, b) => a - b);
    assert.deepEqual(statuses.slice(1), [423, 423, 423, 423, 423]);
    await house.dav("PUT", house.here("/x.txt"), { body: "1" });
    const shared = { body: lockInfo("shared") };
    const first = await house.locked(house.here("/x.txt"), shared);
    const second = await house.locked(house.here("/x.txt"), shared);
    assert.deepEqual([first.status, second.status], [200, 200]);
    assert.equal((await house.locked(house.here("/x.txt"))).status, 423);
    assert.equal(await house.statusOf("PUT", house.here("/x.txt"), { body: "2" }), 423);
    const one = { body: "2", if: `(<${second.token}>)` };
    assert.equal(
      await house.statusOf("PUT", house.here("/x.txt"), one),
      204,
      "one of them is enough",
    );
  });

  test("a lock of somebody else opens nothing for who knows its token", async () => {
    await house.dav("PUT", house.here("/theirs.txt"), { body: "1" });
    const eve = await signUp(house.served, "editor@example.com");
    await verify(house.served, "editor@example.com", eve);
    const spaces = await get(house.at(house.ada), "/drive/spaces");
    const [space] = spaces.body["items"] as readonly { readonly id: string }[];
    const invited = { email: "editor@example.com", role: "editor" };
    const invitation = await post(
      house.at(house.ada),
      `/drive/spaces/${space?.id}/invitations`,
      invited,
    );
    assert.equal(invitation.status, 201, invitation.text);
    const joined = await post(
      house.at(eve),
      `/drive/invitations/${String(invitation.body["id"])}/acceptance`,
    );
    assert.ok(joined.status < 300, joined.text);
    const { token } = await house.locked(house.here("/theirs.txt"));
    const hers = { authorization: await house.basic(eve), if: `(<${token}>)`, body: "2" };
    assert.equal(await house.statusOf("PUT", house.here("/theirs.txt"), hers), 423);
    const unlocked = { ...hers, "lock-token": `<${token}>` };
    const { if: _if, body: _body, ...release } = unlocked;
    assert.equal(await house.statusOf("UNLOCK", house.here("/theirs.txt"), release), 403);
  });
});
