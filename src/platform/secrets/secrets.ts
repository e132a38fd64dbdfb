import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";

/** Encryption and signatures under the master key. `purpose` keeps uses apart. */
export type Secrets = {
  /** The id of the current master key, under which it seals. */
  readonly keyId: string;
  /** Authenticated encryption; `context` (which row) must be the same when it is opened. */
  readonly seal: (plain: string, purpose: string, context: string) => string;
  readonly open: (sealed: string, purpose: string, context: string) => string;
  /** A keyed hash, base64url. */
  readonly sign: (text: string, purpose: string) => string;
  /** The signatures under all master keys, the current one first, to find older ones. */
  readonly signByAll: (text: string, purpose: string) => readonly [string, ...string[]];
  /** Whether any of the master keys signed it. */
  readonly isSigned: (text: string, signature: string, purpose: string) => boolean;
};

/** No master key at hand can open it. */
export class SecretSealed extends Error {
  override readonly name = "SecretSealed";
}

const keyBytes = 32;
const ivBytes = 12;
const tagBytes = 16;
const maxKeys = 8;

/** The keys in a text: base64, 32 bytes each, comma separated, the one for new secrets first. */
export function masterKeys(text: string): readonly Buffer[] {
  const keys = text.split(",").map((key) => Buffer.from(key.trim(), "base64"));
  if (keys.length > maxKeys) throw new Error(`at most ${maxKeys} master keys`);
  if (keys.some((key) => key.length !== keyBytes))
    throw new Error(`a master key is ${keyBytes} bytes in base64, as of: openssl rand -base64 32`);
  return keys;
}

export const newMasterKey = (): string => randomBytes(keyBytes).toString("base64");

/** The ids of the keys in a text, which sealed secrets name. */
export const masterKeyIds = (text: string): readonly string[] => masterKeys(text).map(keyId);

const keyId = (master: Buffer): string =>
  createHash("sha256").update(master).digest("hex").slice(0, 8);

/** AES-256-GCM and HMAC-SHA-256 under keys that HKDF derives from each master key by purpose. */
export function createSecrets(masters: readonly Buffer[]): Secrets {
  const [current, ...older] = masters.map((master) => new DerivedKeys(master));
  if (!current) throw new Error("at least one master key");
  const all = [current, ...older];

  return {
    keyId: current.id,
    seal(plain, purpose, context) {
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv("aes-256-gcm", current.of(purpose), iv);
      cipher.setAAD(Buffer.from(context));
      const text = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
      return `${current.id}.${Buffer.concat([iv, text, cipher.getAuthTag()]).toString("base64url")}`;
    },
    open(sealed, purpose, context) {
      const [id, body = ""] = sealed.split(".");
      const key = all.find((known) => known.id === id);
      if (!key)
        throw new SecretSealed(
          `a secret was sealed with master key ${id}, which this process does not have: set BASALT_MASTER_KEY ` +
            "to the key of the other processes (master.key in their data folder), or add it behind a newer one",
        );
      const bytes = Buffer.from(body, "base64url");
      const decipher = createDecipheriv(
        "aes-256-gcm",
        key.of(purpose),
        bytes.subarray(0, ivBytes),
        { authTagLength: tagBytes },
      );
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(bytes.subarray(-tagBytes));
      const text = bytes.subarray(ivBytes, -tagBytes);
      return Buffer.concat([decipher.update(text), decipher.final()]).toString("utf8");
    },
    sign: (text, purpose) => current.sign(text, purpose).toString("base64url"),
    signByAll(text, purpose) {
      const by = (key: DerivedKeys) => key.sign(text, purpose).toString("base64url");
      return [by(current), ...older.map(by)];
    },
    isSigned(text, signature, purpose) {
      const given = Buffer.from(signature, "base64url");
      if (given.toString("base64url") !== signature) return false; // another spelling of the same
      return all.some((key) => {
        const expected = key.sign(text, purpose);
        return given.length === expected.length && timingSafeEqual(given, expected);
      });
    },
  };
}

/** The keys for each purpose, derived once. */
class DerivedKeys {
  readonly id: string;
  readonly #master: Buffer;
  readonly #keys = new Map<string, Buffer>();

  constructor(master: Buffer) {
    this.#master = master;
    this.id = keyId(master);
  }

  of(purpose: string): Buffer {
    let key = this.#keys.get(purpose);
    if (!key) {
      key = Buffer.from(hkdfSync("sha256", this.#master, "basalt", purpose, keyBytes));
      this.#keys.set(purpose, key);
    }
    return key;
  }

  sign(text: string, purpose: string): Buffer {
    return createHmac("sha256", this.of(purpose)).update(text).digest();
  }
}
