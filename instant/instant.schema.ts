// For those who push with `npx instant-cli push schema`. The truth is schema.json beside this file.
import { i } from "@instantdb/core";
import schema from "./schema.json";

type Attr = { valueType: string; required: boolean; config: { unique: boolean; indexed: boolean } };

const builders: Record<string, () => any> = {
  string: () => i.string(),
  number: () => i.number(),
  boolean: () => i.boolean(),
  date: () => i.date(),
  json: () => i.json(),
};

function attr({ valueType, required, config }: Attr) {
  let built = builders[valueType]();
  if (config.unique) built = built.unique();
  if (config.indexed) built = built.indexed();
  return required ? built : built.optional();
}

const entities = Object.fromEntries(
  Object.entries(schema.entities).map(([name, { attrs }]) => [
    name,
    i.entity(Object.fromEntries(Object.entries(attrs).map(([label, def]) => [label, attr(def as Attr)]))),
  ]),
);

export default i.schema({ entities, links: schema.links as any });
