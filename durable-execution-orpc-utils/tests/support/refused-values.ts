/** Values that are no inputs of their task, or that can't be stored: inputs of enqueues, outputs of wake-ups. */
import { ASLEEP, callOf, refused, type Row } from './refused-call'

const DEEP = 100_000

/** More than what may be stored, by the quotes and the envelope around it. */
const LARGE = 'x'.repeat(2 ** 20 + 1)

/** Values as JSON, for which no object in a program stands: it would have no such key, or be too deep to be written down. */
const NOT_PLAIN: readonly (readonly [string, string, string])[] = [
  [
    'with a prototype',
    '{"__proto__":{"isAdmin":true}}',
    'Detected property __proto__. This is a prototype pollution risk, please remove it from your object',
  ],
  [
    'with a prototype far within',
    '[{"a":{"__proto__":null}}]',
    'Detected property __proto__. This is a prototype pollution risk, please remove it from your object',
  ],
  ['nested too deep', '['.repeat(DEEP) + ']'.repeat(DEEP), 'it is nested too deep'],
]

/** Where a value stands in a call. */
const PLACES: readonly (readonly [string, string, string, (json: string) => string])[] = [
  [
    'enqueueTask: an input',
    'enqueueTask',
    'Input of task "echo"',
    (json) => `{"taskName":"echo","input":${json}}`,
  ],
  [
    'enqueueTask: a unique id',
    'enqueueTask',
    'Input of task "approval"',
    (json) => `{"taskName":"approval","input":${json}}`,
  ],
  [
    'wakeupSleepingTaskExecution: an output',
    'wakeupSleepingTaskExecution',
    'Output of task "approval"',
    (json) =>
      `{"taskName":"approval","uniqueId":"${ASLEEP}","outcome":{"status":"completed","output":${json}}}`,
  ],
]

/** A file as oRPC sends it: beside the JSON, which says where it belongs. */
const FILE = [
  '--part',
  'Content-Disposition: form-data; name="data"',
  '',
  '{"json":{"taskName":"echo","input":null},"maps":[["input"]]}',
  '--part',
  'Content-Disposition: form-data; name="0"; filename="a.txt"',
  'Content-Type: text/plain',
  '',
  'content',
  '--part--',
  '',
].join('\r\n')

const NO_UNIQUE_IDS: readonly (readonly [string, unknown, string])[] = [
  ['no unique id', undefined, 'undefined'],
  ['null as unique id', null, 'null'],
  ['a number as unique id', 1, '1'],
  ['an empty unique id', '', '""'],
  ['a list as unique id', ['a'], '["a"]'],
]

export const VALUES: readonly Row[] = [
  ...PLACES.flatMap(([place, path, what, call]): Row[] => [
    ...NOT_PLAIN.map(([wrong, json, problem]): Row => [
      `${place} ${wrong}`,
      { path, body: `{"json":${call(json)}}` },
      refused(`${what} cannot be serialized: ${problem}; use plain data`, 'not_serializable'),
    ]),
    [
      `${place} too large`,
      { path, body: `{"json":${call(JSON.stringify(LARGE))}}` },
      refused(
        // The prefix of its tenant is part of a unique id.
        `${what} is too large: ${place.endsWith('id') ? 1_048_593 : 1_048_588} bytes, of which 1048576 are allowed; store it elsewhere and pass a reference`,
        'too_large',
      ),
    ],
  ]),
  [
    'enqueueTask: an input that is a file',
    { path: 'enqueueTask', body: FILE, contentType: 'multipart/form-data; boundary=part' },
    refused(
      'Input of task "echo" cannot be serialized: it holds an object of kind File, whose content would be lost; use plain data',
      'not_serializable',
    ),
  ],
  ...NO_UNIQUE_IDS.map(([wrong, input, shown]): Row => [
    `enqueueTask: ${wrong}`,
    callOf('enqueueTask', { taskName: 'approval', input }),
    refused(
      `Invalid input to task "approval": expected the unique id of a sleeping task, non-empty text, got ${shown}`,
      'invalid_input',
    ),
  ]),
  ...[undefined, 'mine'].map((executionId): Row => [
    `enqueueTask: a unique id that is taken, ${executionId === undefined ? 'without' : 'with'} an own id`,
    callOf('enqueueTask', { taskName: 'approval', input: ASLEEP, options: { executionId } }),
    refused(
      `Unique id "${ASLEEP}" of task "approval" is taken by an execution that is active: wake or cancel it first, or use another`,
      'already_exists',
    ),
  ]),
]
