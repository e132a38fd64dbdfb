import type { UploadedFile } from "../application/content/receive-content.ts";

/** A body that is read once, by whoever asks first. */
export function uploadedFile(body: AsyncIterable<Uint8Array>): UploadedFile {
  let received: Promise<unknown> | undefined;
  return {
    receive: <T>(work: (bytes: AsyncIterable<Uint8Array>) => Promise<T>) =>
      (received ??= work(body)) as Promise<T>,
  };
}
