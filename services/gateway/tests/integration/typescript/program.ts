// What a program in TypeScript may write, and (marked) what the compiler must refuse.
import createClient from "openapi-fetch";
import type { components, paths } from "./api";

type Contact = components["schemas"]["Contact"];

const client = createClient<paths>({ baseUrl: "http://localhost" });
const path = { contact: "0190b0c4-0000-7000-8000-000000000001" };

export async function read(): Promise<string> {
  const { data, error } = await client.GET("/v1/contacts/{contact}", {
    params: { path, query: { showDeleted: true, readTime: "2026-05-03T12:00:00.000Z" } },
  });
  if (error) return `${error.status} ${error.reason} ${error.errors?.[0]?.field ?? ""}`;
  const stage: components["schemas"]["ContactLifecycleStage"] | undefined = data.lifecycleStage;
  return `${data.name} ${data.emails[0]?.address ?? ""} ${stage ?? ""}`;
}

export async function make(): Promise<Contact | undefined> {
  const { data } = await client.POST("/v1/contacts", {
    params: { header: { "Idempotency-Key": "1" } },
    body: { givenName: "Ann", emails: [{ address: "ann@example.com", kind: "WORK" }] },
  });
  return data;
}

export async function change(contact: Contact): Promise<string | undefined> {
  const { data } = await client.PATCH("/v1/contacts/{contact}", {
    params: { path, header: { "If-Match": contact.etag }, query: { updateMask: "givenName" } },
    body: { givenName: null },
  });
  return data?.etag;
}

export async function wrong(): Promise<void> {
  // @ts-expect-error a change names the version it knows
  await client.PATCH("/v1/contacts/{contact}", { params: { path }, body: { givenName: "B" } });
  // @ts-expect-error there is no such stage
  await client.POST("/v1/contacts", { body: { lifecycleStage: "LIFECYCLE_STAGE_LEAD" } });
  // @ts-expect-error the system sets it
  const body: components["schemas"]["ContactInput"] = { createTime: "2026-05-03T12:00:00.000Z" };
  await client.POST("/v1/contacts", { body });
  // @ts-expect-error only a change clears with null
  await client.POST("/v1/contacts", { body: { givenName: null } });
  // @ts-expect-error there is no such path
  await client.GET("/v1/contact", {});
}
