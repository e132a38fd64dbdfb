import { Instant } from "#kernel/instant.ts";
import { CreateLink } from "../../application/links/manage-links.ts";
import type { LinkTokens } from "../../application/ports/links.ts";
import type { Link } from "../../domain/link.ts";
import { LinkId } from "../../domain/ids.ts";
import { argsOf, flagIn, optionalText, tagIn, textIn, type Args } from "./arguments.ts";
import { metadataOf, type Names } from "./metadata.ts";
import { findNode, type Asked } from "./places.ts";
import { failed, granted, malformed, tagged, type Tagged } from "./refusals.ts";
import type { Node } from "../../domain/node.ts";

/** Accounts are named by as many characters. */
const accountId = (actor: string): string => `dbid:${actor.padEnd(35, "0").slice(-35)}`;

/** The account of the caller. */
export const currentAccount =
  (addressOf: (userId: string) => Promise<string | undefined>) => async (asked: Asked) => {
    const { actor } = asked.context();
    const email = (await addressOf(actor)) ?? "";
    const name = email === "" ? actor : email;
    return {
      account_id: accountId(actor),
      name: {
        given_name: name,
        surname: "",
        familiar_name: name,
        display_name: name,
        abbreviated_name: name.slice(0, 1).toUpperCase(),
      },
      email,
      email_verified: email !== "",
      disabled: false,
      locale: "en",
      referral_link: "",
      is_paired: false,
      account_type: tagged("basic"),
      root_info: tagged("user", { root_namespace_id: "1", home_namespace_id: "1" }),
    };
  };

/** An allocation is said where there is no quota, too. */
const unlimited = 2 ** 50;
export async function spaceUsage({ drive, context }: Asked) {
  const { usedBytes, quotaBytes = unlimited } = granted(await drive.getUsage({}, context()));
  return { used: usedBytes, allocation: tagged("individual", { allocated: quotaBytes }) };
}

type Tokens = Pick<LinkTokens, "tokenOf" | "linkIn">;
type Place = { readonly node: Node; readonly names: Names };

function linkMetadata(
  { api }: Asked,
  link: Link,
  { node, names, token }: Place & { readonly token: string },
): Tagged {
  return {
    ...metadataOf(node, names),
    url: `${api}/drive/shared/${token}`,
    ...(link.expiresAt === undefined ? {} : { expires: link.expiresAt.replace(/\.\d+Z$/, "Z") }),
    link_permissions: {
      can_revoke: true,
      resolved_visibility: tagged(link.passwordHash === undefined ? "public" : "password"),
      visibility_policies: [],
      can_set_expiry: false,
      can_remove_expiry: false,
      allow_download: link.allows === "read",
      can_allow_download: false,
      can_disallow_download: false,
      allow_comments: false,
      team_restricts_comments: false,
    },
  };
}

/** Visibilities that a link of the drive can have. */
const visibilities = (password: string | undefined): readonly string[] =>
  password === undefined ? ["public"] : ["public", "password"];
const invalidSettings = () =>
  failed(tagged("settings_error", { settings_error: tagged("invalid_settings") }));

/** Makes a link to a file or a folder. */
export const createLink = (tokens: Tokens) => async (asked: Asked, args: Args) => {
  const place = await findNode(asked, textIn(args, "path"));
  const settings = argsOf(args, "settings");
  const password = optionalText(settings, "link_password");
  const expires = optionalText(settings, "expires");
  const allowed = settings["allow_download"] ?? true;
  const isPublic = ["requested_visibility", "audience"].every((name) =>
    visibilities(password).includes(tagIn(settings, name, "public").tag),
  );
  const isReader = tagIn(settings, "access", "viewer").tag !== "editor";
  const lacksPassword = flagIn(settings, "require_password") && password === undefined;
  if (!isPublic || !isReader || lacksPassword) throw invalidSettings();
  const expiresAt = expires === undefined ? undefined : Instant.parse(expires);
  if (expiresAt?.ok === false) throw malformed("expires must be an instant");
  const asking = CreateLink.parse({
    nodeId: place.node.id,
    ...(password === undefined ? {} : { password }),
    ...(allowed === false ? { allows: "preview" } : {}),
    ...(expiresAt === undefined ? {} : { expiresAt: expiresAt.value }),
  });
  if (!asking.ok) throw invalidSettings();
  const { link } = granted(await asked.drive.createLink(asking.value, asked.context()));
  return linkMetadata(asked, link, { ...place, token: tokens.tokenOf(link.id) });
};

/** Lists the links to a file or a folder. */
export const listLinks = (tokens: Tokens) => async (asked: Asked, args: Args) => {
  const path = optionalText(args, "path");
  if (path === undefined) throw malformed("path says whose links are meant");
  const place = await findNode(asked, path);
  const listed = granted(await asked.drive.listLinks({ nodeId: place.node.id }, asked.context()));
  const links = listed.map(({ link }) =>
    linkMetadata(asked, link, { ...place, token: tokens.tokenOf(link.id) }),
  );
  return { links, has_more: false };
};

export const revokeLink =
  (tokens: Tokens) =>
  async (asked: Asked, args: Args): Promise<null> => {
    const [token = ""] = textIn(args, "url").split("/").slice(-1);
    const linkId = LinkId.parse(tokens.linkIn(token));
    if (!linkId.ok) throw failed(tagged("shared_link_not_found"));
    const revoked = await asked.drive.revokeLink({ linkId: linkId.value }, asked.context());
    if (!revoked.ok && revoked.error.type === "link-not-found")
      throw failed(tagged("shared_link_not_found"));
    granted(revoked, []);
    return null;
  };
