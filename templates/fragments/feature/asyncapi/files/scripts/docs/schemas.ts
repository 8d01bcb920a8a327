import { z } from 'zod';

export type Json = Record<string, unknown>;

/** JSON Schema as AsyncAPI has it, and as OpenAPI has. */
type Dialect = 'draft-07' | 'draft-2020-12';

/**
 * The schemas of a document. One with an id (`.meta({ id })`) stands there
 * once, and all others refer to it.
 */
export class Schemas {
  readonly components: Record<string, unknown> = {};

  constructor(private readonly target: Dialect) {}

  /** What `schema` takes; anything, where there is none. */
  of(schema: z.ZodType | undefined): Json {
    if (!schema) return {};
    const { json, named } = this.convert(schema);
    Object.assign(this.components, named);
    return json;
  }

  /** The same, where it stands. */
  inline(schema: z.ZodType): Json {
    const { json, named } = this.convert(schema);
    const own = named[schema.meta()?.id ?? ''];
    return own ?? json;
  }

  private convert(schema: z.ZodType) {
    const { $schema: _, ...whole } = z.toJSONSchema(schema, {
      target: this.target,
      io: 'input',
      unrepresentable: 'any',
      override: ({ jsonSchema }) => {
        // A format has a pattern, too, which nobody wants to read.
        if (jsonSchema.format) delete jsonSchema.pattern;
      },
    });
    const text = JSON.stringify(whole);
    const { $defs, definitions, ...json } = JSON.parse(
      text.replaceAll(
        /"#\/(?:\$defs|definitions)\//g,
        '"#/components/schemas/',
      ),
    ) as Json;
    const named: Record<string, Json> = Object.assign({}, $defs, definitions);
    const id = schema.meta()?.id;
    if (!id || json['$ref']) return { json, named };
    named[id] = json;
    return { json: { $ref: `#/components/schemas/${id}` }, named };
  }
}
