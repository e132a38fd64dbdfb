import { InvalidArgumentError, Option, type Command } from "commander";
import type { Instant } from "#kernel/instant.ts";
import type { Infer } from "#kernel/shape.ts";
import { print } from "#platform/console/output.ts";
import type { Runtime } from "#platform/runtime.ts";
import { findNode, findSpace } from "./client/places.ts";
import { childrenOf } from "./client/remote-tree.ts";
import { FoundFacts, LinkFacts, UsageFacts, type NodeFacts } from "./client/server.ts";
import {
  addressOf,
  reached,
  reachingOn,
  rooted,
  timeOf,
  type Reaching,
} from "./reaching-commands.ts";

/** Commands that look at what is on a server, and share it. */
export function addLookCommands(drive: Command, runtime: Runtime): void {
  const reaching = reachingOn(drive);
  reaching("ls", "List a folder of the server")
    .argument("[path]", "the folder, as in /Photos", "/")
    .action(listCommand(runtime));
  reaching("search", "Find files and folders of the server by parts of their names")
    .argument("<parts...>", "parts of a name, in any order")
    .action(searchCommand(runtime));
  reaching("usage", "Tell how much your spaces have, and may have").action(usageCommand(runtime));
  reaching("link", "Make a link to a file or a folder of the server, for anybody who has it")
    .argument("<path>", "the file or the folder, as in /Photos")
    .option("--password <password>", "what it asks for, of 8 characters at least")
    .option(
      "--expires <time>",
      "when it ends: 2026-12-31T12:00:00Z, or in 2h, 7d or 4w",
      timeOf(runtime.clock, "ahead"),
    )
    .option("--max <count>", "how many downloads to allow, or files to take", countOf)
    .addOption(
      new Option("--preview", "only show names and small pictures: no downloads").conflicts([
        "drop",
        "max",
      ]),
    )
    .option("--drop", "only take files into the folder: show nothing of it")
    .action(linkCommand(runtime));
}

function countOf(typed: string): number {
  if (!/^[1-9]\d{0,5}$/.test(typed)) throw new InvalidArgumentError("It is no number from 1 on.");
  return Number(typed);
}

async function nodeAt(runtime: Runtime, path: string, { space: named, ...output }: Reaching) {
  const server = reached(runtime, output);
  const node = await findNode(server, await findSpace(server, named), rooted(path));
  if (!node) throw new Error(`there is no ${path}`);
  return { server, node };
}

/** Bytes of a file, and its name; the name of a folder ends with a slash. */
const lineOf = ({ kind, name, size, changedAt, modifiedAt = changedAt }: NodeFacts): string =>
  `${modifiedAt.slice(0, 16).replace("T", " ")} ${String(size ?? "").padStart(12)} ${name}${kind === "folder" ? "/" : ""}`;

const listCommand = (runtime: Runtime) => async (path: string, reaching: Reaching) => {
  const { server, node } = await nodeAt(runtime, path, reaching);
  const rows: NodeFacts[] = node.kind === "file" ? [node] : [];
  if (node.kind === "folder") for await (const one of childrenOf(server, node.id)) rows.push(one);
  print(rows, reaching, lineOf, `${path} is empty.`);
};

const searchCommand =
  (runtime: Runtime) =>
  async (parts: readonly string[], { space: named, ...output }: Reaching) => {
    const server = reached(runtime, output);
    const { id } = await findSpace(server, named);
    const query = { q: parts.join(" "), limit: 100 };
    const found = await server.ask(FoundFacts, "GET", `spaces/${id}/search`, { query });
    print(found.items, output, ({ path }) => path, "Nothing has such a name.");
    if (!found.isComplete && !output.json)
      console.error("More files match: give more of the name.");
  };

const usageCommand = (runtime: Runtime) => async (output: Reaching) => {
  const told = await reached(runtime, output).ask(UsageFacts, "GET", "usage");
  print([told], output, usageOf, "");
};

function usageOf({ usedBytes, quotaBytes }: Infer<typeof UsageFacts>): string {
  const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const limit = quotaBytes === undefined ? "without a limit" : `of ${mebibytes(quotaBytes)}`;
  return `Your spaces have ${mebibytes(usedBytes)} ${limit}.`;
}

type Linking = Reaching & {
  readonly password?: string;
  readonly expires?: Instant;
  readonly max?: number;
  readonly drop?: true | undefined;
  readonly preview?: true | undefined;
};

const linkCommand =
  (runtime: Runtime) =>
  async (path: string, { password, expires, max, drop, preview, ...reaching }: Linking) => {
    const { server, node } = await nodeAt(runtime, path, reaching);
    const json = {
      ...(password === undefined ? {} : { password }),
      ...(expires === undefined ? {} : { expiresAt: expires }),
      ...(max === undefined ? {} : { maxDownloads: max }),
      allows: drop ? "drop" : preview ? "preview" : "read",
    };
    const { id, token } = await server.ask(LinkFacts, "POST", `nodes/${node.id}/links`, { json });
    const at = `${addressOf(reaching.server)}/api/v1/drive/shared/${token}`;
    print(
      [{ id, token, url: at + useOf(node, { drop, preview }) }],
      reaching,
      ({ url }) => url,
      "",
    );
    if (!reaching.json) hint({ at, isClosed: password !== undefined, drop });
  };

/** What is asked for behind the address of a link. */
function useOf({ kind }: NodeFacts, { drop, preview }: Pick<Linking, "drop" | "preview">): string {
  if (drop) return "/files?name=";
  if (preview) return kind === "file" ? "/thumbnail" : "/children";
  return kind === "file" ? "/content" : "/archive";
}

/** What people who have the link do with it. */
function hint({ at, isClosed, drop }: { at: string; isClosed: boolean; drop: true | undefined }) {
  if (isClosed)
    console.error(`First: POST ${at}/visits with the password; its \`visit\` goes into the query.`);
  if (drop) console.error("Files are sent there with POST, their names behind `name=`.");
}
