import * as pulumi from "@pulumi/pulumi";
import * as picluster from "@picluster/picluster";

const config = new pulumi.Config();

// What Tracing sets itself is no property of its parts, and what has a default there is
// not required.
const tracing = new picluster.tracing.Tracing("tempo", {
    objectStore: { bucket: "k3s-tempo" },
    tempo: { endpoint: config.require("s3Endpoint"), generator: {}, replicas: { ingester: 3 } },
    grafana: { lokiUrl: "http://loki.loki.svc.cluster.local", preset: { nodeGraph: true } },
});

// An output of one component is the input of the next.
const namespace = new picluster.kubernetes.Namespace("shop", { name: "shop" });
const store = new picluster.objectstore.ObjectStore("shop", {
    bucket: "shop",
    user: pulumi.interpolate`${namespace.name}-user`,
    actions: ["s3:GetObject", "s3:PutObject"],
    protect: false,
});
new picluster.kubernetes.Secret("shop", {
    name: "shop-keys",
    namespace: namespace.name,
    stringData: { accessKey: store.accessKey, secretKey: store.secretKey },
});

// @ts-expect-error: Tracing sets the bucket.
const rejected: picluster.types.input.tracing.TempoArgs = { endpoint: "minio:9000", bucket: "other" };

export const queryUrl: pulumi.Output<string> = tracing.queryUrl;
