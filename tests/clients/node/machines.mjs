// An informer on VirtualMachines, and a machine's life by KubernetesObjectApi. Tells what it sees as lines of JSON.
import * as k8s from '@kubernetes/client-node';

const config = new k8s.KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(k8s.CoreV1Api);
const custom = config.makeApiClient(k8s.CustomObjectsApi);
const objects = k8s.KubernetesObjectApi.makeApiClient(config);

const say = (what, told = {}) => console.log(JSON.stringify({ what, ...told }));
const failure = (error) => ({ code: error.code, body: typeof error.body === 'string' ? JSON.parse(error.body) : error.body });

const machine = {
  apiVersion: 'kubevirt.io/v1',
  kind: 'VirtualMachine',
  metadata: { name: 'node-js', namespace: 'default' },
  spec: { runStrategy: 'Always', template: { spec: { domain: { devices: {}, memory: { guest: '64Mi' } } } } },
};

const nodes = await core.listNode();
say('nodes', { names: nodes.items.map((node) => node.metadata.name) });

const resource = { group: 'kubevirt.io', version: 'v1', namespace: 'default', plural: 'virtualmachines' };
const informer = k8s.makeInformer(
  config,
  '/apis/kubevirt.io/v1/namespaces/default/virtualmachines',
  () => custom.listNamespacedCustomObject(resource),
);
let running, gone;
const runs = new Promise((resolve) => (running = resolve));
const goes = new Promise((resolve) => (gone = resolve));
const seen = (what) => (vm) => {
  const status = vm.status?.printableStatus ?? '';
  say(what, { name: vm.metadata.name, status });
  if (status === 'Running') running();
  if (what === 'delete') gone();
};
for (const what of ['add', 'update', 'delete']) informer.on(what, seen(what));
// Stopping ends the watch with an error of the client's own making.
let stopping = false;
informer.on('error', (error) => stopping || say('error', { message: String(error) }));
await informer.start();

const created = await objects.create(machine);
say('created', { generation: created.metadata.generation });
try {
  await objects.create(machine);
} catch (error) {
  say('refused', failure(error));
}
await runs;
const patched = await objects.patch(
  { ...machine, metadata: { ...machine.metadata, labels: { by: 'javascript' } } },
  undefined, undefined, undefined, undefined,
  k8s.PatchStrategy.MergePatch,
);
say('patched', { labels: patched.metadata.labels });
const read = await objects.read(machine);
say('read', { memory: read.spec.template.spec.domain.memory.guest });
const applied = await objects.patch(
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'node-js', namespace: 'default' }, data: { a: 'b' } },
  undefined, undefined, 'javascript', true,
  k8s.PatchStrategy.ServerSideApply,
);
say('applied', { data: applied.data, manager: applied.metadata.managedFields[0].manager });
const cached = informer.get('node-js', 'default');
say('cached', { status: cached.status.printableStatus });
await objects.delete(machine);
await goes;
try {
  await objects.read(machine);
} catch (error) {
  say('missing', failure(error));
}
stopping = true;
await informer.stop();
say('end');
