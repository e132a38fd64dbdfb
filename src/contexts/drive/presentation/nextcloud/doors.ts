import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Timers } from "#platform/runtime.ts";
import type { Door, DoorAnswer, DoorRequest, TextAnswer } from "#platform/http/door.ts";
import type { Devices } from "#contexts/identity";
import type { Drive } from "../../index.ts";
import { arrival } from "../content-routes.ts";
import { davMethods, refused } from "../dav/answers.ts";
import { davAnswer, davOptions } from "../dav/door.ts";
import { json, reading } from "./answers.ts";
import { loginDoor } from "./login.ts";
import { transferAnswer } from "./transfers.ts";

/** The version of Nextcloud whose dialect this is: clients refuse those that are too old. */
const [version, versionText] = ["28.0.0.0", "28.0.0"];

export type CloudDeps = {
  readonly drive: Drive;
  readonly clock: Clock;
  readonly timers: Pick<Timers, "turn">;
  /** The verified address of a user, which is told to that user alone. */
  readonly addressOf: (userId: string) => Promise<string | undefined>;
  readonly devices: Devices;
  /** The address of the server as clients know it; undefined where it has none but the one that is asked. */
  readonly publicUrl: string | undefined;
};

/** Says to everyone that a server is there. */
const status: Door = {
  ...reading,
  name: "nextcloud-status",
  access: "public",
  path: "/status.php",
  answer: async () =>
    json(200, {
      installed: true,
      maintenance: false,
      needsDbUpgrade: false,
      version,
      versionstring: versionText,
      edition: "",
      productname: "Basalt",
      extendedSupport: false,
    }),
};

const ocs = (data: unknown): TextAnswer =>
  json(200, { ocs: { meta: { status: "ok", statuscode: 100, message: "OK" }, data } });

const unknown = json(404, {
  ocs: {
    meta: { status: "failure", statuscode: 998, message: "Basalt has nothing of this name" },
    data: [],
  },
});

const capabilities = {
  version: {
    major: 28,
    minor: 0,
    micro: 0,
    string: versionText,
    edition: "",
    extendedSupport: false,
  },
  capabilities: {
    core: { pollinterval: 60, "webdav-root": "remote.php/webdav" },
    dav: { chunking: "1.0" },
    files: { bigfilechunking: true, undelete: false, versioning: false, blacklisted_files: [] },
  },
};

/** What the server can do, which clients ask before they sign in, too. */
const capabilitiesDoor = (release: "v1" | "v2"): Door => ({
  ...reading,
  name: `nextcloud-capabilities-${release}`,
  access: "public",
  path: `/ocs/${release}.php/cloud/capabilities`,
  answer: async () => ocs(capabilities),
});

/** What clients ask about their user. */
function ocsDoor({ drive, addressOf, devices }: CloudDeps): Door {
  async function user(context: Context): Promise<TextAnswer> {
    const { actor } = context;
    const address = await addressOf(actor);
    const used = await drive.getUsage({}, context);
    const { usedBytes = 0, quotaBytes } = used.ok ? used.value : {};
    const name = address ?? actor;
    const quota = {
      used: usedBytes,
      quota: quotaBytes ?? -3,
      ...(quotaBytes === undefined ? {} : { free: Math.max(0, quotaBytes - usedBytes) }),
    };
    return ocs({
      id: actor,
      enabled: true,
      "display-name": name,
      displayname: name,
      email: address ?? null,
      quota,
    });
  }
  /** A client that signs out gives its password up. */
  async function signOut(context: Context): Promise<TextAnswer> {
    return (await devices.disconnect(context)) ? ocs([]) : unknown;
  }
  return {
    name: "nextcloud-ocs",
    path: "/ocs",
    methods: ["GET", "DELETE"],
    options: { allow: "GET, DELETE" },
    async answer({ method, path }, context) {
      const [, asked = ""] = /^\/v[12]\.php\/(\w+\/\w+)$/.exec(path) ?? [];
      const call = `${method} ${asked}`;
      if (call === "GET cloud/user") return user(context);
      return call === "DELETE core/apppassword" ? signOut(context) : unknown;
    },
  };
}

/** Its clients look for changes along the tags of folders, and keep files whose names differ in case apart. */
const dialect = { hasFolderTags: true, isSpellingStrict: true };

/** An address may have a slash, as a name may not; nothing, where the segment is malformed. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return "";
  }
}

/** The part of a path behind `/files/<user>` or `/uploads/<user>`, with that. */
const parts = /^\/(files|uploads)\/([^/]+)((?:\/.*)?)$/;

/** Files at `/files/<user>`, and those that come in pieces at `/uploads/<user>`. */
function filesDoor({ drive, clock, timers, addressOf }: CloudDeps): Door {
  const asking = { drive, clock, timers, ...dialect };

  /** Clients name their user by the id that they were told, or by the address. */
  async function isOwn(segment: string, { actor }: Context): Promise<boolean> {
    const user = decoded(segment);
    return user === actor || (user !== "" && user.toLowerCase() === (await addressOf(actor)));
  }

  async function answer(request: DoorRequest, context: Context): Promise<DoorAnswer> {
    const [, room = "", user = "", path = ""] = parts.exec(request.path) ?? [];
    // A client takes 404 for a deletion: a database that cannot be asked must not look like one.
    if (!(await isOwn(user, context))) return refused({ type: "path-not-found" });
    const files = `${request.at}/files/${user}`;
    return room === "files"
      ? davAnswer(asking, { ...request, at: files, path }, context)
      : transferAnswer(
          asking,
          { ...request, at: `${request.at}/uploads/${user}`, path },
          { context, files },
        );
  }

  return {
    name: "nextcloud-files",
    path: "/remote.php/dav",
    methods: davMethods,
    fileMethods: ["PUT"],
    places: arrival.places,
    options: davOptions,
    answer,
  };
}

/** The path of older clients, and of those that know no user. */
const oldFilesDoor = ({ drive, clock, timers }: CloudDeps): Door => ({
  name: "nextcloud-webdav",
  path: "/remote.php/webdav",
  methods: davMethods,
  fileMethods: ["PUT"],
  places: arrival.places,
  options: davOptions,
  answer: (request, context) => davAnswer({ drive, clock, timers, ...dialect }, request, context),
});

/** What clients of Nextcloud need to sync files: its status, its OCS, and its paths of WebDAV. */
export const nextcloud = (deps: CloudDeps): readonly Door[] => [
  status,
  loginDoor(deps),
  capabilitiesDoor("v1"),
  capabilitiesDoor("v2"),
  ocsDoor(deps),
  filesDoor(deps),
  oldFilesDoor(deps),
];
