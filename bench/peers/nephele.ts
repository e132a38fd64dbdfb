// What the door of WebDAV is measured beside: nephele on its own file system adapter (unflushed). `node nephele.ts FOLDER`
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import Adapter from "@nephele/adapter-file-system";
import Authenticator from "@nephele/authenticator-none";
import express from "express";
import nephele from "nephele";

const [, , root = ""] = process.argv;
const app = express();
app.use("/", nephele({ adapter: new Adapter({ root }), authenticator: new Authenticator() }));
const server = createServer(app);
server.listen(0, "127.0.0.1", () => {
  console.log(`ready at http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.once("SIGTERM", () => process.exit(0));
