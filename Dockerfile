# The static binary, CA roots and a small shell; nothing else.
#
#   docker build -t docferry .
#   docker run --rm --env-file job.env -v "$PWD/public:/site:ro" -e DOCFERRY_SOURCE=/site docferry

FROM rust:1.95-slim-bookworm AS build
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends busybox-static ca-certificates \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# What docferry depends on makes a layer of its own, which lasts until one of
# these files changes: built here for a program that does nothing.
COPY Cargo.toml Cargo.lock ./
COPY sandbox/Cargo.toml sandbox/
COPY .ci/binary .ci/binary.ld .ci/
# hadolint ignore=DL4006
RUN mkdir src sandbox/src demo benches \
 && echo 'fn main() {}' | tee src/main.rs demo/main.rs benches/walk.rs >/dev/null \
 && echo '//! Nothing yet.' | tee src/lib.rs >sandbox/src/lib.rs \
 && .ci/binary
COPY src src
# Cargo looks at times, and what was copied may be older than what it replaces.
RUN touch src/lib.rs src/main.rs \
 && install -D "$(.ci/binary)" /image/docferry \
 && install -D /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt \
 # What GitLab's runner starts its script with, and stops it with.
 && install -D /bin/busybox /image/bin/busybox \
 && for name in sh grep ls kill sleep; do ln -s busybox "/image/bin/$name"; done

FROM scratch
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="docferry" \
      org.opencontainers.image.description="Carries the files that a CI job built into an S3 bucket of another AWS account, in one step" \
      org.opencontainers.image.source="https://github.com/docferry/docferry" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /image/ /
ENV PATH=/:/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
# No ENTRYPOINT: GitLab's runner starts a shell in this image.
CMD ["docferry"]
