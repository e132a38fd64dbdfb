// What the door of tus is measured beside: @tus/server on its own file store (unflushed). `node bench/tus-peer.ts FOLDER`
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { FileStore } from "@tus/file-store";
import { Server } from "@tus/server";

const [, , directory = ""] = process.argv;
const tus = new Server({ path: "/tus", datastore: new FileStore({ directory }) });
const server = createServer((request, answer) => void tus.handle(request, answer));
server.listen(0, "127.0.0.1", () => {
  console.log(`ready at http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.once("SIGTERM", () => process.exit(0));
