import type { Lock } from "../../domain/lock.ts";
import { LockId } from "../../domain/ids.ts";
import { escaped } from "./xml.ts";

const scheme = "urn:basalt:";

/** The token of a lock, which is a URI. */
export const tokenOf = ({ id }: Pick<Lock, "id">): string => scheme + id;

export function lockIdIn(token: string): LockId | undefined {
  const id = LockId.parse(token.startsWith(scheme) ? token.slice(scheme.length) : undefined);
  return id.ok ? id.value : undefined;
}

/** How locks are told. `rootOf`: the path of what is locked; `leftS`: for how many seconds each still holds. */
export const activeLocks = (
  locks: readonly Lock[],
  {
    rootOf,
    leftS,
  }: { readonly rootOf: (lock: Lock) => string; readonly leftS: (lock: Lock) => number },
): string =>
  locks
    .map((lock) => {
      const owner = lock.note === undefined ? "" : `<D:owner>${escaped(lock.note)}</D:owner>`;
      const depth = lock.coversBelow ? "infinity" : "0";
      return `<D:activelock><D:locktype><D:write/></D:locktype><D:lockscope><D:${lock.scope}/></D:lockscope><D:depth>${depth}</D:depth>${owner}<D:timeout>Second-${leftS(lock)}</D:timeout><D:locktoken><D:href>${tokenOf(lock)}</D:href></D:locktoken><D:lockroot><D:href>${escaped(rootOf(lock))}</D:href></D:lockroot></D:activelock>`;
    })
    .join("");

export const supportedLocks =
  "<D:lockentry><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>" +
  "<D:lockentry><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>";
