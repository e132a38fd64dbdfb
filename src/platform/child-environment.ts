const harmless = [
  "PATH",
  "HOME",
  "LANG",
  "LC_ALL",
  "LC_CTYPE",
  "TZ",
  "TMPDIR",
  "TEMP",
  "TMP",
  "SystemRoot",
  "LD_LIBRARY_PATH",
  "NODE_V8_COVERAGE",
];

/** The environment of child processes, which others may read: without any setting of Basalt. */
export const childEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    harmless.flatMap((name) =>
      process.env[name] === undefined ? [] : [[name, process.env[name]]],
    ),
  );
