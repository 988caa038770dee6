//! The manifests for Kubernetes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Started, text};
use crate::metrics::get;
use crate::support::client::Client;
use crate::support::reply::Reply;
use crate::support::wait_for;

fn objects(name: &str) -> Vec<Value> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text(name)).expect("YAML");
    assert!(objects.iter().all(|object| object["apiVersion"].is_string() && object["kind"].is_string()));
    objects
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// The pods of a file, each with its containers of rankd.
fn pods(name: &str) -> Vec<(Value, Vec<Value>)> {
    let pods = objects(name).into_iter().filter_map(|object| {
        let pod = object["spec"]["template"]["spec"].clone();
        let all = list(&pod, "initContainers").iter().chain(list(&pod, "containers"));
        let ours: Vec<Value> = all.filter(|container| container["image"] == "rankd").cloned().collect();
        pod.is_object().then_some((pod, ours))
    });
    pods.collect()
}

fn strings(value: &Value) -> Vec<String> {
    let strings = value.as_array().into_iter().flatten();
    strings.map(|word| word.as_str().expect("a string").to_owned()).collect()
}

fn environment(container: &Value) -> BTreeMap<String, String> {
    let variable = |variable: &Value| {
        let secret = &variable["valueFrom"]["secretKeyRef"];
        let value =
            if secret.is_object() { "a-secret" } else { variable["value"].as_str().expect("a string") };
        (variable["name"].as_str().expect("a name").to_owned(), value.to_owned())
    };
    list(container, "env").iter().map(variable).collect()
}

/// Starts the container's server, and asks each probe of it until it is content.
fn run(container: &Value) -> Started {
    let started = Started::with(&strings(&container["args"]), &environment(container));
    for name in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let probe = &container[name];
        if probe["httpGet"].is_object() {
            let port = probe["httpGet"]["port"].as_str().expect("the name of a port");
            assert_eq!(port, "metrics");
            let named = list(container, "ports").iter().find(|named| named["name"] == port).expect("a port");
            let own = environment(container)["RANKD_METRICS_PORT"].clone();
            assert_eq!(named["containerPort"].to_string(), own, "{name}");
            let address = ([127, 0, 0, 1], started.port("RANKD_METRICS_PORT")).into();
            let path = probe["httpGet"]["path"].as_str().expect("a path");
            wait_for(name, || {
                let is_there = std::net::TcpStream::connect(address).is_ok();
                (is_there && get(address, path).status == 200).then_some(())
            });
        } else {
            let command = strings(&probe["exec"]["command"]);
            let command: Vec<&str> = command.iter().map(String::as_str).collect();
            wait_for(name, || started.probe(&command).then_some(()));
        }
    }
    started
}

#[test]
fn pods_of_rankd_have_no_rights_that_they_do_not_need() {
    for name in ["kubernetes/sidecar.yaml", "kubernetes/statefulset.yaml"] {
        let pods = pods(name);
        assert_eq!(pods.len(), 1, "{name}");
        for (pod, containers) in pods {
            assert_eq!(containers.len(), 1, "{name}");
            assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{name}");
            assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{name}");
            // The Dockerfile's user may write to the volume.
            let dockerfile = include_str!("../../Dockerfile");
            let user = pod["securityContext"]["runAsUser"].to_string();
            assert!(dockerfile.contains(&format!("--uid {user}")), "{name}");
            assert_eq!(pod["securityContext"]["fsGroup"].to_string(), user, "{name}");
            let volumes: BTreeSet<&str> =
                list(&pod, "volumes").iter().filter_map(|volume| volume["name"].as_str()).collect();
            for container in &containers {
                let context = &container["securityContext"];
                assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
                assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
                assert_eq!(strings(&context["capabilities"]["drop"]), ["ALL"], "{name}");
                let mounts: Vec<&str> = list(container, "volumeMounts")
                    .iter()
                    .map(|mount| mount["name"].as_str().expect("a name"))
                    .collect();
                let claimed = |mount: &&str| {
                    volumes.contains(mount) || (name.contains("statefulset") && *mount == "data")
                };
                assert!(mounts.iter().all(claimed), "{name}: {mounts:?} {volumes:?}");
            }
        }
    }
}

#[test]
fn the_sidecar_serves_its_pod_at_the_unix_socket_and_nobody_else() {
    let (pod, containers) = pods("kubernetes/sidecar.yaml").remove(0);
    let container = &containers[0];
    assert_eq!(container["restartPolicy"], "Always", "a native sidecar");
    assert!(list(&pod, "initContainers").contains(container));
    // The application has the socket's volume at the path that its address names.
    let application = &list(&pod, "containers")[0];
    let mount = |container: &Value| {
        let mounts = list(container, "volumeMounts").iter();
        mounts.filter(|mount| mount["name"] == "socket").map(|mount| mount["mountPath"].clone()).next()
    };
    assert!(mount(container).is_some() && mount(container) == mount(application));
    let socket = environment(container)["RANKD_UNIXSOCKET"].clone();
    assert_eq!(environment(application)["REDIS_URL"], format!("unix://{socket}"));

    let mut started = run(container);
    let path = started.path("RANKD_UNIXSOCKET");
    let stream = std::os::unix::net::UnixStream::connect(&path).expect("the socket");
    drop(stream);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).expect("a file").permissions());
    assert_eq!(mode & 0o777, 0o770);
    assert!(started.terminate().success());
    assert!(!path.exists(), "the next start finds no socket");
}

#[test]
fn the_set_serves_clients_that_have_the_password() {
    let (_, containers) = pods("kubernetes/statefulset.yaml").remove(0);
    let mut started = run(&containers[0]);
    let address = ([127, 0, 0, 1], started.port("RANKD_PORT")).into();
    let mut client = Client::connect(address);
    assert!(matches!(client.ask("ZADD board 1 a"), Reply::Error(_)));
    assert_eq!(client.ask("AUTH a-secret"), Reply::Simple(b"OK".to_vec()));
    assert_eq!(client.ask("ZADD board 1 a"), Reply::Integer(1));
    assert!(started.terminate().success());
    assert!(started.path("RANKD_DIR").join("journal").exists());

    let objects = objects("kubernetes/statefulset.yaml");
    let (service, set) = (&objects[0]["spec"], &objects[1]["spec"]);
    assert_eq!(service["selector"], set["template"]["metadata"]["labels"]);
    assert_eq!(set["selector"]["matchLabels"], set["template"]["metadata"]["labels"]);
    assert_eq!(set["serviceName"], objects[0]["metadata"]["name"]);
}
