"""What is stored of a pipeline."""

from crm.sales.v1 import pipelines_pb2
from mongoengine import EmbeddedDocument, EmbeddedDocumentListField, IntField, StringField

from crm_chassis.resources.document import Resource


class Stage(EmbeddedDocument):
    id: str = StringField(required=True)
    display_name: str = StringField(required=True)
    probability: int | None = IntField()
    kind: str | None = StringField()


class Pipeline(Resource):
    message = pipelines_pb2.Pipeline
    meta = {"collection": "pipelines", "indexes": ["display_name", "create_time", "update_time"]}
    searchable = ("display_name",)

    display_name: str = StringField(required=True)
    stages: list[Stage] = EmbeddedDocumentListField(Stage)
