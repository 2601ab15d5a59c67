# Targets: api (HTTP, no linear algebra), worker-gpu (NVIDIA GPUs), worker (CPU; the last, so the default). Build with: docker build --target api .
# The runtime libraries of CUDA. 11.8 with cuDNN 8 is what both GPU backends run on; cards newer than Hopper need a later
# one, e.g. --build-arg CUDA_IMAGE=nvidia/cuda:12.9.1-runtime-ubuntu22.04, on which tfjs-node-gpu finds no GPU.
ARG CUDA_IMAGE=nvidia/cuda:11.8.0-cudnn8-runtime-ubuntu22.04

FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY tools/client-types/package.json ./tools/client-types/
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY src ./src
COPY workers ./workers
COPY bench ./bench
COPY scripts ./scripts
COPY dashboard ./dashboard
COPY docs/errors.md ./docs/
RUN npm run build && npm prune --omit=dev

FROM node:22-bookworm-slim AS runtime
ENV NODE_ENV=production DATA_DIR=/data
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
RUN mkdir /data && chown node:node /data
VOLUME /data
USER node

FROM runtime AS api
ENV HOST=0.0.0.0 PORT=8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s CMD ["node", "-e", "fetch('http://127.0.0.1:'+process.env.PORT+'/healthz').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]
CMD ["node", "dist/src/start-api.js"]

# Apart from the rest: its install script downloads TensorFlow, and its packages are not to mix with the application's.
# It is why all of this is Node 22: it calls functions that Node 23 no longer has.
FROM node:22-bookworm AS tfjs-node-gpu
WORKDIR /opt/tfjs
RUN npm init -y > /dev/null && npm install --no-audit --no-fund @tensorflow/tfjs-node-gpu@4.22.0

FROM ${CUDA_IMAGE} AS worker-gpu
RUN apt-get update && apt-get install -y --no-install-recommends libopenblas0-pthread && rm -rf /var/lib/apt/lists/*
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=tfjs-node-gpu /opt/tfjs/node_modules /opt/tfjs/node_modules
ENV NODE_ENV=production DATA_DIR=/data NODE_PATH=/opt/tfjs/node_modules
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
RUN useradd --uid 1000 --create-home node && mkdir /data && chown node:node /data
VOLUME /data
USER node
CMD ["node", "dist/workers/worker.js"]

FROM runtime AS worker
USER root
RUN apt-get update && apt-get install -y --no-install-recommends libopenblas0-pthread && rm -rf /var/lib/apt/lists/*
USER node
CMD ["node", "dist/workers/worker.js"]
