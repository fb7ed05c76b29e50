# The static binary, CA roots and a small shell; nothing else.
#
#   docker build -t docferry .
#   docker run --rm --env-file job.env -v "$PWD/public:/site:ro" -e DOCFERRY_SOURCE=/site docferry

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends busybox-static ca-certificates \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The explicit target keeps the static flag away from build scripts.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    target="$(uname -m)-unknown-linux-gnu" \
 && RUSTFLAGS="-C target-feature=+crt-static" \
    cargo build --release --locked --bin docferry --target "$target" \
 && install -D "target/$target/release/docferry" /image/docferry \
 && install -D /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt \
 # What GitLab's runner starts its script with, and stops it with.
 && install -D /bin/busybox /image/bin/busybox \
 && for name in sh grep ls kill sleep; do ln -s busybox "/image/bin/$name"; done

FROM scratch
COPY --from=build /image/ /
ENV PATH=/:/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
# No ENTRYPOINT: GitLab's runner starts a shell in this image.
CMD ["docferry"]
