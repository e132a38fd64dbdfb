import { Busboy, type BusboyHeaders } from "@fastify/busboy";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { PassThrough, type Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { overloaded, sendProblem } from "./answers.ts";
import { bodyTimeoutMs } from "./arrival.ts";
import { originOf } from "./gate.ts";
import { limitOpen } from "./limit-open.ts";
import { problem, sentenceOf } from "./problem.ts";
import type { UploadedBody } from "./route.ts";
import type { ServingOptions } from "./serve-route.ts";

/** Bodies that are taken at once, as they arrive, from all and from one actor; each holds some MiB. */
const [maxUploads, maxUploadsOfOne] = [8, 2];
const [maxFormFields, maxFormFieldBytes] = [20, 10_000];
/** The number of parts that a form may have. Parsing millions of empty parts would block the event loop. */
const maxFormParts = maxFormFields + 1;

/** A form (`multipart/form-data`) that holds no file, several, or is no form. Whoever reads its file meets this error. */
export class FormInvalid extends Error {
  readonly statusCode: number;

  constructor(why: string, statusCode = 400) {
    super(why);
    this.statusCode = statusCode;
  }
}

function formOf(headers: IncomingHttpHeaders): InstanceType<typeof Busboy> {
  const limits = {
    files: 1,
    fields: maxFormFields,
    fieldSize: maxFormFieldBytes,
    parts: maxFormParts,
  };
  try {
    return new Busboy({ headers: headers as BusboyHeaders, limits });
  } catch {
    throw new FormInvalid("The form has no boundary");
  }
}

/** The one file of a form, as it arrives. It ends when the form has ended, and proved to hold no other. */
async function fileOf(headers: IncomingHttpHeaders, body: Readable): Promise<Readable> {
  const { promise, resolve, reject } = Promise.withResolvers<Readable>();
  const form = formOf(headers);
  const file = new PassThrough();
  const fail = (why: string, statusCode?: number) => {
    const error = new FormInvalid(why, statusCode);
    reject(error);
    file.destroy(error);
    body.unpipe(form);
    body.resume();
  };
  const garbled = () => fail("The form cannot be read");
  file.on("error", () => {}); // whoever reads it is told
  form.once("file", (_name, part) => {
    part.on("error", garbled).pipe(file, { end: false });
    resolve(file);
  });
  form.on("error", garbled);
  form.once("filesLimit", () => fail("The form has more than one file"));
  form.once("partsLimit", () => fail(`The form has more than ${maxFormParts} parts`));
  form.once("finish", () => {
    reject(new FormInvalid("The form has no file"));
    file.end();
  });
  body.once("error", garbled);
  body.once("close", () => void (body.readableEnded || garbled()));
  const late = setTimeout(() => fail("The form's file has not come", 408), bodyTimeoutMs);
  body.pipe(form);
  return promise.finally(() => clearTimeout(late));
}

/** A form takes some bytes besides its file. */
const formBytes = maxFormFields * (maxFormFieldBytes + 1_000);

const tooLarge = (reply: FastifyReply, correlationId: string, maxBytes: number) =>
  sendProblem(
    reply,
    problem("payload-too-large", {
      status: 413,
      correlationId,
      detail: `A file has at most ${maxBytes} bytes`,
      details: { maxBytes },
    }),
  );

function forbidden(
  reply: FastifyReply,
  id: string,
  { type, ...details }: { readonly type: string },
) {
  const detail = sentenceOf(type, details);
  return sendProblem(reply, problem(type, { status: 403, correlationId: id, detail, details }));
}

/** An app whose routes take files, as they arrive, and nothing else. */
export function takingFiles(
  { mediaTypes, mayBegin, maxBytes, places = [maxUploads, maxUploadsOfOne] }: UploadedBody,
  app: FastifyInstance,
  { clock, requestTimeoutMs }: Pick<ServingOptions, "clock" | "requestTimeoutMs">,
): FastifyInstance {
  const mayUpload = limitOpen(...places);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser([...mediaTypes], (_request, body, done) => done(null, body));
  app.addContentTypeParser(
    "multipart/form-data",
    ({ headers }: FastifyRequest, body: IncomingMessage) => fileOf(headers, body),
  );
  app.addHook("preParsing", async (request, reply) => {
    const { id, principal } = request;
    const deadlineMs = clock.unixMs() + requestTimeoutMs;
    const context = { ...principal, origin: originOf(request), correlationId: id, deadlineMs };
    const allowed = await mayBegin(context);
    if (!allowed.ok) return forbidden(reply, id, allowed.error);
    const size = Number(request.headers["content-length"] ?? 0);
    if (maxBytes !== undefined && size > maxBytes + formBytes) return tooLarge(reply, id, maxBytes);
    return mayUpload(reply) ? undefined : sendProblem(reply, overloaded(id));
  });
  return app;
}
