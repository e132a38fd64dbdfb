import type { Readable } from "node:stream";
import { DataStore, Metadata, Upload } from "@tus/server";
import type { Context } from "#kernel/context.ts";
import { StagingId, type NodeId } from "../../domain/ids.ts";
import { stagingMs, type Staging } from "../../domain/staging.ts";
import type { Drive } from "../../index.ts";
import { checked } from "./checksum.ts";
import { destinationOf, type Destination, type UploadMetadata } from "./destination.ts";
import { granted, Refused } from "./refusals.ts";

/** What a request says besides what `@tus/server` reads. */
export type Asked = {
  readonly drive: Drive;
  readonly context: () => Context;
  /** The folder that the address of a new upload names. */
  readonly path: string;
  /** `partial`, or `final;` and the uploads that it is put together of. */
  readonly concat: string | undefined;
  readonly checksum: string | undefined;
  /** Files that are being made of uploads, by all requests of the process. */
  readonly body: Readable;
  readonly finishing: Map<string, Promise<NodeId | undefined>>;
};

/** What is kept with the staging of an upload. A partial one has no destination. */
type Note = {
  readonly door: "tus";
  readonly metadata: UploadMetadata | undefined;
  readonly concat?: string | undefined;
  readonly destination?: Destination | undefined;
};

function read(metadata: string | undefined): UploadMetadata {
  try {
    return metadata === undefined ? {} : Metadata.parse(metadata);
  } catch {
    throw new Refused({ type: "metadata-invalid" });
  }
}

/** Throws for a staging that was begun by another door. */
function noteOf({ note, id }: Staging): Note {
  const kept = JSON.parse(note) as Note;
  if (kept.door !== "tus") throw new Refused({ type: "staging-not-found", stagingId: id });
  return kept;
}

/** The id of an upload that its address names last. */
const idIn = (address: string): StagingId => {
  const id = StagingId.parse(/([^/]+)\/?$/.exec(address)?.[1]);
  if (!id.ok) throw new Refused({ type: "concat-invalid" });
  return id.value;
};

const partsIn = (concat: string): readonly StagingId[] =>
  concat.slice("final;".length).trim().split(/ +/).map(idIn);

/** The uploads of tus, for one request: their bytes are stagings of the drive, and files once they have all come. */
export class StagingStore extends DataStore {
  override extensions = [
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "concatentation", // as `@tus/server` spells it
    "expiration",
    "termination",
  ];
  readonly #asked: Asked;
  #isEnded = false;
  /** What the upload is a part of, or is put together of. */
  concat: string | undefined;
  /** The file that it has become. */
  nodeId: NodeId | undefined;
  /** The upload that the request has begun. */
  #created: StagingId | undefined;

  constructor(asked: Asked) {
    super();
    this.#asked = asked;
  }

  override getExpiration(): number {
    return stagingMs;
  }

  async #noteFor(upload: Pick<Upload, "metadata" | "size">): Promise<string> {
    const { drive, context, path, concat } = this.#asked;
    const { metadata, size = 0 } = upload;
    const asked = { drive, context: context() };
    const destination =
      concat === "partial"
        ? undefined
        : await destinationOf(asked, { path, metadata: metadata ?? {}, size });
    const note: Note = { door: "tus", metadata, concat, destination };
    return JSON.stringify(note);
  }

  override async create(upload: Upload): Promise<Upload> {
    const { drive, context } = this.#asked;
    const { size: length } = upload;
    const note = await this.#noteFor(upload);
    const staging = granted(await drive.beginStaging({ length, note }, context()));
    upload.id = staging.id;
    this.#created = staging.id;
    upload.creation_date = staging.createdAt;
    return upload;
  }

  async #found(id: string): Promise<Staging> {
    const stagingId = StagingId.parse(id);
    if (!stagingId.ok) throw new Refused({ type: "staging-not-found" });
    const { drive, context } = this.#asked;
    return granted(await drive.getStaging({ stagingId: stagingId.value }, context()));
  }

  /** Throws where the caller has no such upload, before a request that goes on with it is ended. */
  async open(id: string, method: string): Promise<void> {
    const staging = await this.#found(id);
    this.concat = noteOf(staging).concat;
    if (method === "PATCH" && this.concat?.startsWith("final"))
      throw new Refused({ type: "upload-is-final" });
  }

  override async getUpload(id: string): Promise<Upload> {
    let staging = await this.#found(id);
    // All bytes may have come before the process died that was to make the file.
    if (staging.bytes === staging.length && staging.nodeId === undefined) {
      await this.finish(id);
      staging = await this.#found(id);
    }
    const { length, nodeId, bytes, createdAt } = staging;
    this.nodeId = nodeId;
    const { metadata } = noteOf(staging);
    return new Upload({
      id,
      ...(length === undefined ? {} : { size: length }),
      offset: nodeId === undefined ? bytes : (length ?? bytes),
      ...(metadata === undefined ? {} : { metadata }),
      creation_date: createdAt,
    });
  }

  override async declareUploadLength(id: string, length: number): Promise<void> {
    const { drive, context } = this.#asked;
    const stagingId = id as StagingId;
    granted(await drive.tellStagingLength({ stagingId, length }, context()));
  }

  /** Keeps the body of the request. `@tus/server` is given none. */
  override async write(_none: Readable, id: string, offset: number): Promise<number> {
    const { drive, context, checksum, body } = this.#asked;
    const bytes = checksum === undefined ? body : checked(body, checksum);
    const placing = { offset, isWhole: checksum !== undefined };
    const asked = { stagingId: id as StagingId, placing, bytes };
    const staged = await drive.stageBytes(asked, context()).catch((error: unknown) => {
      throw this.#isEnded ? new Refused({ type: "interrupted" }) : error;
    });
    return granted(staged).bytes;
  }

  /** Ends the request: another one goes on with the upload. What has come is kept. */
  end(): void {
    this.#isEnded = true;
    this.#asked.body.destroy();
  }

  override async remove(id: string): Promise<void> {
    const { drive, context } = this.#asked;
    granted(await drive.discardStaging({ stagingId: id as StagingId }, context()));
  }

  /** Ends the upload that the request has begun, if it is there still. */
  async giveUp(): Promise<void> {
    const { drive, context } = this.#asked;
    const stagingId = this.#created;
    if (stagingId !== undefined) await drive.discardStaging({ stagingId }, context());
  }

  /** Makes the file of an upload whose bytes have all come; undefined for a part of another upload. Those who ask meanwhile wait for the same one. */
  finish(id: string): Promise<NodeId | undefined> {
    const { finishing } = this.#asked;
    const before = finishing.get(id);
    if (before) return before;
    const made = this.#made(id).finally(() => finishing.delete(id));
    finishing.set(id, made);
    return made;
  }

  async #made(id: string): Promise<NodeId | undefined> {
    try {
      return await this.#file(id);
    } catch (error) {
      // Another process may have been quicker.
      const made =
        error instanceof Refused ? await this.#found(id).catch(() => undefined) : undefined;
      if (made?.nodeId !== undefined) return made.nodeId;
      throw error;
    }
  }

  async #file(id: string): Promise<NodeId | undefined> {
    const { drive, context } = this.#asked;
    const staging = await this.#found(id);
    const { destination } = noteOf(staging);
    if (!destination || staging.nodeId !== undefined) return staging.nodeId;
    const { folderId: nodeId, name, modifiedAt, ifTaken } = destination;
    const told = modifiedAt === undefined ? {} : { modifiedAt };
    const sealing = { stagingId: id as StagingId, ...told };
    const content = granted(await drive.sealStaging(sealing, context()));
    const file = { nodeId, name, content, ifTaken: ifTaken ?? "number", ...told } as const;
    const made = await drive.createFile(file, context());
    if (!made.ok && made.error.type === "name-taken") await this.remove(id);
    return granted(made).id;
  }

  /** Makes a file of parts, as `final;/tus/a /tus/b` names them. Answers the upload that it comes from. */
  async join(
    concat: string,
    metadata: string | undefined,
  ): Promise<{ readonly id: StagingId; readonly nodeId: NodeId | undefined }> {
    const { drive, context } = this.#asked;
    const stagingIds = partsIn(concat);
    const [first, ...others] = await Promise.all(stagingIds.map((id) => this.#found(id)));
    if (!first || new Set(stagingIds).size < stagingIds.length)
      throw new Refused({ type: "concat-invalid" });
    // A client that has lost the answer asks again.
    const { id: firstId, nodeId: before } = first;
    if (before !== undefined && others.every(({ nodeId }) => nodeId === before))
      return { id: firstId, nodeId: before };
    const size = [first, ...others].reduce((sum, { bytes }) => sum + bytes, 0);
    const note = await this.#noteFor({ metadata: read(metadata), size });
    const { id } = granted(await drive.joinStagings({ stagingIds, note }, context()));
    try {
      const nodeId = await this.finish(id);
      const { revision } = await this.#found(id);
      if (nodeId !== undefined && revision !== undefined)
        await drive.settleStagings({ stagingIds, file: { nodeId, revision } }, context());
      return { id, nodeId };
    } catch (error) {
      await drive.discardStaging({ stagingId: id }, context());
      throw error;
    }
  }
}
