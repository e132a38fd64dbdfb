# Basalt with a Postgres outside: BASALT_DATABASE_URL says where. `docker compose up` brings both.
FROM node:24.21.0-trixie-slim AS dependencies
WORKDIR /basalt
COPY package.json package-lock.json .npmrc ./
# The embedded Postgres is an optional dependency of its package, and stays out.
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:24.21.0-trixie-slim
# A process that is number 1 hears no signal and reaps no child unless it is written to.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends tini \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /basalt
COPY --from=dependencies /basalt/node_modules node_modules
COPY package.json LICENSE ./
COPY src src
RUN install --directory --owner=node --group=node --mode=700 /data
USER node
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 BASALT_ENVIRONMENT=production BASALT_DATA_DIR=/data
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tini", "--", "node", "src/cli.ts"]
CMD ["start"]
