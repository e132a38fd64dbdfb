import assert from "node:assert/strict";
import { describe, test } from "node:test";
import sharp from "sharp";
import { expect } from "#kernel/result.ts";
import { openDrive, outcomeOf, type OpenDrive } from "./fixtures.ts";

/** A picture of two colours: red on the left, blue on the right. */
const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: "red" } }).composite([
    {
      input: {
        create: { width: Math.ceil(width / 2), height, channels: 3, background: "blue" },
      },
      left: Math.floor(width / 2),
      top: 0,
    },
  ]);
const sizeOf = async (bytes: Uint8Array) => {
  const { width, height, format } = await sharp(bytes).metadata();
  return [format, width, height];
};

/** Counts the contents that are read as a whole. */
function counted(open: OpenDrive) {
  const seen = { reads: 0 };
  const opened: OpenDrive = async (clock) => {
    const subject = await open(clock);
    const { store } = subject;
    const read = (location: Parameters<typeof store.read>[0]) => {
      seen.reads += 1;
      return store.read(location);
    };
    return { ...subject, store: { ...store, read } };
  };
  return { seen, opened };
}

/** Small pictures are made alike on every adapter. */
export function thumbnailsContract(name: string, open: OpenDrive): void {
  describe(`thumbnails on ${name}`, () => {
    test("makes a small picture of each known format, and of no more than that", async () => {
      await using house = await openDrive(open);
      const { rootId } = house;
      const large = picture(1_500, 500);
      for (const [format, bytes] of Object.entries({
        jpeg: await large.clone().jpeg().toBuffer(),
        png: await large.clone().png().toBuffer(),
        webp: await large.clone().webp().toBuffer(),
        gif: await large.clone().gif().toBuffer(),
        avif: await large.clone().avif({ effort: 0 }).toBuffer(),
      })) {
        const file = expect(await house.file(rootId, `picture.${format}`, bytes)).id;
        const { picture: usual } = expect(await house.thumbnail(file));
        assert.deepEqual(await sizeOf(usual), ["webp", 256, 85], format);
        const { picture: small } = expect(await house.thumbnail(file, { size: "64" }));
        assert.deepEqual(await sizeOf(small), ["webp", 64, 21], format);
      }
      const tiny = await picture(20, 10).png().toBuffer();
      const file = expect(await house.file(rootId, "tiny.png", tiny)).id;
      const { picture: same } = expect(await house.thumbnail(file, { size: "1024" }));
      assert.deepEqual(await sizeOf(same), ["webp", 20, 10], "none is made larger");
    });

    test("turns a picture upright, and keeps none of its metadata", async () => {
      await using house = await openDrive(open);
      const turned = await picture(200, 100)
        .withExif({ IFD0: { Copyright: "Ada" }, IFD3: { GPSLatitudeRef: "N" } })
        .withMetadata({ orientation: 6 })
        .jpeg()
        .toBuffer();
      const file = expect(await house.file(house.rootId, "turned.jpg", turned)).id;
      const { picture: upright } = expect(await house.thumbnail(file));
      assert.deepEqual(await sizeOf(upright), ["webp", 100, 200]);
      assert.equal((await sharp(upright).metadata()).exif, undefined);
    });

    test("makes a picture once, for as long as the space has the content", async () => {
      const { seen, opened } = counted(open);
      await using house = await openDrive(opened);
      const { rootId, clock } = house;
      const file = expect(
        await house.file(rootId, "a.png", await picture(300, 300).png().toBuffer()),
      );
      const first = expect(await house.thumbnail(file.id));
      const reads = seen.reads;
      const again = expect(await house.thumbnail(file.id));
      assert.deepEqual(Buffer.from(again.picture), Buffer.from(first.picture));
      const copy = expect(await house.copy(file.id, { name: "b.png" }));
      expect(await house.thumbnail(copy.id));
      assert.equal(seen.reads, reads, "the content is not read again");
      expect(await house.revise(file.id, 1, Buffer.from("text")));
      assert.equal(outcomeOf(await house.thumbnail(file.id)), "no-thumbnail");
      assert.equal(outcomeOf(await house.thumbnail(file.id, { revision: 1 })), "ok");
      for (const { id } of [file, copy]) {
        expect(await house.trash(id));
        expect(await house.purge(id));
      }
      clock.advance(1_000);
      const anew = expect(
        await house.file(rootId, "c.png", await picture(300, 300).png().toBuffer()),
      );
      const before = seen.reads;
      expect(await house.thumbnail(anew.id));
      assert.ok(seen.reads > before, "it went with the content");
    });

    test("makes none of what is no picture, of broken ones and of those that are too large", async () => {
      const { seen, opened } = counted(open);
      await using house = await openDrive(opened);
      const { rootId } = house;
      const whole = await picture(400, 400).png({ compressionLevel: 0 }).toBuffer();
      const huge = await sharp({
        create: { width: 10_000, height: 5_001, channels: 3, background: "red" },
        limitInputPixels: false,
      })
        .png({ compressionLevel: 1 })
        .toBuffer();
      const svg = Buffer.from('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>');
      const tall = await sharp({
        create: { width: 1, height: 20_000, channels: 3, background: "red" },
      })
        .png()
        .toBuffer();
      for (const [what, bytes] of Object.entries({
        "one of a side of more than 16 384 pixels": tall,
        text: Buffer.from("a picture of words"),
        svg,
        "a signature alone": whole.subarray(0, 60),
        "a broken one": Buffer.concat([whole.subarray(0, 20_000), Buffer.alloc(5_000, 7)]),
        "one of more than fifty megapixels": huge,
      })) {
        const file = expect(await house.file(rootId, what, bytes)).id;
        assert.equal(outcomeOf(await house.thumbnail(file)), "no-thumbnail", what);
        const { reads } = seen;
        assert.equal(outcomeOf(await house.thumbnail(file)), "no-thumbnail", what);
        assert.equal(seen.reads, reads, "it is not tried again");
      }
      assert.equal(outcomeOf(await house.thumbnail(rootId)), "not-a-file");
    });

    test("keeps none that is larger than its picture, and makes it anew", async () => {
      const { seen, opened } = counted(open);
      await using house = await openDrive(opened);
      const noise = Buffer.from(Array.from({ length: 128 }, (_, i) => (i * 167) % 256));
      const tile = await sharp(noise, { raw: { width: 16, height: 8, channels: 1 } })
        .resize(512, 512, { kernel: "nearest" })
        .png({ palette: true, colours: 2 })
        .toBuffer();
      const file = expect(await house.file(house.rootId, "noise.png", tile)).id;
      const { picture: large } = expect(await house.thumbnail(file, { size: "1024" }));
      assert.ok(large.length > tile.length, `${large.length} of ${tile.length} bytes`);
      const { reads } = seen;
      expect(await house.thumbnail(file, { size: "1024" }));
      assert.ok(seen.reads > reads);
    });

    test("shows none to those who may not read the file", async () => {
      await using house = await openDrive(open);
      const { rootId, bobId } = house;
      const bytes = await picture(30, 30).png().toBuffer();
      const file = expect(await house.file(rootId, "a.png", bytes)).id;
      expect(await house.thumbnail(file));
      assert.equal(outcomeOf(await house.thumbnail(file, {}, bobId)), "forbidden");
      await house.join(bobId, "viewer");
      assert.equal(outcomeOf(await house.thumbnail(file, {}, bobId)), "ok");
    });
  });
}
