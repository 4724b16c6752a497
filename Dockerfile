# One image for the service, its workers and its commands. The embedding model is a package, so nothing is fetched at start.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# The CPU build of torch first: the default build brings several GB of CUDA that the service does not use.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --index-url "$TORCH_INDEX" torch==2.13.0
COPY pyproject.toml constraints.txt README.md ./
COPY llm llm
COPY clustering clustering
COPY agents agents
COPY stability stability
COPY service service
RUN pip install -c constraints.txt .

FROM python:3.11-slim-bookworm
RUN useradd --create-home --uid 10001 rehearing && install -d -o 10001 /data
COPY --from=build /opt/venv /opt/venv
COPY examples /opt/rehearing/examples
ENV PATH=/opt/venv/bin:$PATH \
    HF_HUB_OFFLINE=1 \
    NUMBA_CACHE_DIR=/tmp/numba \
    PYTHONUNBUFFERED=1 \
    REHEARING_DATA_DIR=/data
USER 10001
WORKDIR /opt/rehearing
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/livez', timeout=4)"]
# Binding beyond loopback needs a key (`rehearing keys create`); the service says so and refuses otherwise.
CMD ["rehearing", "serve", "--host", "0.0.0.0", "--port", "8000"]
