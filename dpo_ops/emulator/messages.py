"""The gateway's messages and enums, as data: what each field is called and what it holds.

One word a field: `name:type`. A type is a scalar (`string`, `bool`, `int32`, `int64`,
`float`, `double`, `time`), an enum or another message; `[T]` repeats it, `{T}` maps
strings to it. `!` marks what only the server writes, `?` a member of a oneof (left out
of an answer while unset, where other fields appear with their zero value).
"""

from typing import Final

ENUMS: Final[dict[str, str]] = {
    "AcceleratorType": (
        "ACCELERATOR_TYPE_UNSPECIFIED NVIDIA_A100_80GB NVIDIA_H100_80GB AMD_MI300X_192GB "
        "NVIDIA_A10G_24GB NVIDIA_A100_40GB NVIDIA_L4_24GB NVIDIA_H200_141GB NVIDIA_B200_180GB "
        "AMD_MI325X_256GB AMD_MI350X_288GB NVIDIA_B300_288GB"
    ),
    "AccountAccountType": "ACCOUNT_TYPE_UNSPECIFIED ENTERPRISE",
    "AccountState": "STATE_UNSPECIFIED CREATING READY UPDATING DELETING",
    "AccountSuspendState": (
        "UNSUSPENDED FAILED_PAYMENTS CREDIT_DEPLETED MONTHLY_SPEND_LIMIT_EXCEEDED "
        "BLOCKED_BY_ABUSE_RULE"
    ),
    "BaseModelDetailsCheckpointFormat": (
        "CHECKPOINT_FORMAT_UNSPECIFIED NATIVE HUGGINGFACE UNINITIALIZED"
    ),
    "Code": (
        "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS "
        "PERMISSION_DENIED UNAUTHENTICATED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED "
        "OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS"
    ),
    "DatasetFormat": "FORMAT_UNSPECIFIED CHAT COMPLETION RL",
    "DatasetState": "STATE_UNSPECIFIED UPLOADING READY",
    "DeployedModelState": "STATE_UNSPECIFIED UNDEPLOYING DEPLOYING DEPLOYED UPDATING",
    "DeploymentHotLoadBucketType": "BUCKET_TYPE_UNSPECIFIED MINIO S3 NEBIUS FW_HOSTED",
    "DeploymentPrecision": (
        "PRECISION_UNSPECIFIED FP16 FP8 FP8_MM FP8_AR FP8_MM_KV_ATTN FP8_KV FP8_MM_V2 FP8_V2 "
        "FP8_MM_KV_ATTN_V2 NF4 FP4 BF16 FP4_BLOCKSCALED_MM FP4_MX_MOE"
    ),
    "DeploymentShapePresetType": (
        "PRESET_TYPE_UNSPECIFIED MINIMAL FAST THROUGHPUT FULL_PRECISION AGENTIC_CODING CHAT "
        "SUMMARIZATION"
    ),
    "DeploymentState": "STATE_UNSPECIFIED CREATING READY DELETING FAILED UPDATING DELETED",
    "DirectRouteType": (
        "DIRECT_ROUTE_TYPE_UNSPECIFIED INTERNET GCP_PRIVATE_SERVICE_CONNECT AWS_PRIVATELINK"
    ),
    "JobState": (
        "JOB_STATE_UNSPECIFIED JOB_STATE_CREATING JOB_STATE_RUNNING JOB_STATE_COMPLETED "
        "JOB_STATE_FAILED JOB_STATE_CANCELLED JOB_STATE_DELETING JOB_STATE_WRITING_RESULTS "
        "JOB_STATE_VALIDATING JOB_STATE_DELETING_CLEANING_UP JOB_STATE_PENDING "
        "JOB_STATE_EXPIRED JOB_STATE_RE_QUEUEING JOB_STATE_CREATING_INPUT_DATASET "
        "JOB_STATE_IDLE JOB_STATE_CANCELLING JOB_STATE_EARLY_STOPPED JOB_STATE_PAUSED "
        "JOB_STATE_DELETED JOB_STATE_ARCHIVED"
    ),
    "LossConfigMethod": "METHOD_UNSPECIFIED GRPO DAPO DPO ORPO GSPO_TOKEN",
    "ModelKind": (
        "KIND_UNSPECIFIED HF_BASE_MODEL HF_PEFT_ADDON HF_TEFT_ADDON FLUMINA_BASE_MODEL "
        "FLUMINA_ADDON DRAFT_ADDON FIRE_AGENT LIVE_MERGE CUSTOM_MODEL EMBEDDING_MODEL "
        "SNAPSHOT_MODEL"
    ),
    "ModelSnapshotType": "FULL_SNAPSHOT INCREMENTAL_SNAPSHOT",
    "ModelState": "STATE_UNSPECIFIED UPLOADING READY",
    "MultiRegion": "MULTI_REGION_UNSPECIFIED GLOBAL US EUROPE APAC",
    "Purpose": "PURPOSE_UNSPECIFIED PURPOSE_PILOT",
    "Region": (
        "REGION_UNSPECIFIED US_IOWA_1 US_VIRGINIA_1 US_VIRGINIA_2 US_ILLINOIS_1 AP_TOKYO_1 "
        "US_ARIZONA_1 US_TEXAS_1 US_ILLINOIS_2 EU_FRANKFURT_1 US_TEXAS_2 EU_ICELAND_1 "
        "EU_ICELAND_2 US_WASHINGTON_1 US_WASHINGTON_2 US_WASHINGTON_3 AP_TOKYO_2 "
        "US_CALIFORNIA_1 US_UTAH_1 US_GEORGIA_1 US_GEORGIA_2 US_WASHINGTON_4 US_GEORGIA_3 "
        "NA_BRITISHCOLUMBIA_1 US_GEORGIA_4 US_OHIO_1 US_NEWYORK_1 EU_NETHERLANDS_1 "
        "US_WASHINGTON_5 US_MINNESOTA_1 US_CALIFORNIA_2 AP_MALAYSIA_1 US_OHIO_2"
    ),
}

MESSAGES: Final[dict[str, str]] = {
    "Account": (
        "name:string! displayName:string createTime:time! accountType:AccountAccountType "
        "email:string state:AccountState! status:Status! suspendState:AccountSuspendState! "
        "updateTime:time! notificationSettings:NotificationSettings"
    ),
    "AutoTune": "longPrompt:bool",
    "AutoscalingPolicy": (
        "scaleUpWindow:string scaleDownWindow:string scaleToZeroWindow:string "
        "loadTargets:{float} scalingSchedules:{ScalingSchedule}"
    ),
    "AwsS3Config": "credentialsSecret:string iamRoleArn:string",
    "AzureBlobStorageConfig": (
        "credentialsSecret:string managedIdentityClientId:string tenantId:string"
    ),
    "BaseModelDetails": (
        "worldSize:int32 checkpointFormat:BaseModelDetailsCheckpointFormat "
        "huggingfaceFiles:[string] parameterCount:int64 moe:bool tunable:bool modelType:string "
        "supportsFireattention:bool defaultPrecision:DeploymentPrecision! supportsMtp:bool"
    ),
    "BaseTrainingConfig": (
        "outputModel:string baseModel:string warmStartFrom:string jinjaTemplate:string "
        "learningRate:float maxContextLength:int32 loraRank:int32 epochs:int32 batchSize:int32 "
        "gradientAccumulationSteps:int32 learningRateWarmupSteps:int32 batchSizeSamples:int32 "
        "optimizerWeightDecay:float trainerShardingScheme:TrainerShardingScheme loraAlpha:int32 "
        "loraDropout:float loraTargetModules:[string]"
    ),
    "CancelDpoJobBody": "",
    "ConversationConfig": "style:string system:string template:string",
    "CreateDatasetBody": ("dataset:Dataset datasetId:string sourceDatasetId:string filter:string"),
    "CreateModelBody": "model:Model modelId:string cluster:string",
    "Dataset": (
        "name:string! displayName:string createTime:time! state:DatasetState! status:Status! "
        "exampleCount:int64 userUploaded:UserUploaded? evaluationResult:EvaluationResult? "
        "transformed:Transformed? splitted:Splitted? evalProtocol:EvalProtocol? "
        "externalUrl:string format:DatasetFormat createdBy:string! updateTime:time! "
        "sourceJobName:string estimatedTokenCount:int64! averageTurnCount:float!"
    ),
    "DeployedModel": (
        "name:string! displayName:string description:string createTime:time! model:string "
        "deployment:string default:bool state:DeployedModelState! serverless:bool "
        "status:Status! public:bool updateTime:time!"
    ),
    "DeployedModelRef": (
        "name:string! deployment:string! state:DeployedModelState! default:bool! public:bool!"
    ),
    "Deployment": (
        "name:string! displayName:string description:string createTime:time! expireTime:time "
        "purgeTime:time! deleteTime:time! state:DeploymentState! status:Status! "
        "annotations:{string} minReplicaCount:int32 maxReplicaCount:int32 "
        "maxWithRevocableReplicaCount:int32 desiredReplicaCount:int32! replicaCount:int32! "
        "autoscalingPolicy:AutoscalingPolicy baseModel:string acceleratorCount:int32 "
        "acceleratorType:AcceleratorType precision:DeploymentPrecision cluster:string! "
        "enableAddons:bool draftTokenCount:int32 draftModel:string ngramSpeculationLength:int32 "
        "enableSessionAffinity:bool directRouteApiKeys:[string] numPeftDeviceCached:int32 "
        "directRouteType:DirectRouteType directRouteHandle:string! deploymentTemplate:string "
        "autoTune:AutoTune placement:Placement region:Region! maxContextLength:int32 "
        "updateTime:time! disableDeploymentSizeValidation:bool enableHotLoad:bool "
        "hotLoadBucketType:DeploymentHotLoadBucketType enableHotReloadLatestAddon:bool "
        "deploymentShape:string activeModelVersion:string targetModelVersion:string "
        "replicaStats:ReplicaStats! hotLoadBucketUrl:string pricingPlanId:string "
        "hotLoadTrainerJob:string"
    ),
    "DeploymentShape": (
        "name:string! displayName:string description:string createTime:time! updateTime:time! "
        "baseModel:string modelType:string! parameterCount:int64! acceleratorCount:int32 "
        "acceleratorType:AcceleratorType precision:DeploymentPrecision "
        "disableDeploymentSizeValidation:bool enableAddons:bool draftTokenCount:int32 "
        "draftModel:string ngramSpeculationLength:int32 disableSpeculativeDecoding:bool "
        "enableSessionAffinity:bool numLoraDeviceCached:int32 maxContextLength:int32 "
        "presetType:DeploymentShapePresetType"
    ),
    "DeploymentShapeVersion": (
        "name:string! createTime:time! snapshot:DeploymentShape! validated:bool public:bool "
        "latestValidated:bool!"
    ),
    "DpoConfig": "beta:float refCacheConcurrency:int32 refCacheBatchSize:int32",
    "DpoJob": (
        "name:string! displayName:string createTime:time! completedTime:time! dataset:string "
        "state:JobState! status:Status! createdBy:string! trainingConfig:BaseTrainingConfig "
        "wandbConfig:WandbConfig trainerLogsSignedUrl:string! lossConfig:LossConfig "
        "awsS3Config:AwsS3Config azureBlobStorageConfig:AzureBlobStorageConfig purpose:Purpose"
    ),
    "EvalProtocol": "",
    "EvaluationResult": "evaluationJobId:string",
    "GetDatasetUploadEndpointBody": "filenameToSize:{int64} readMask:string",
    "GetModelUploadEndpointBody": (
        "filenameToSize:{int64} enableResumableUpload:bool readMask:string"
    ),
    "LossConfig": "method:LossConfigMethod klBeta:float dpo:DpoConfig orpo:OrpoConfig",
    "Model": (
        "name:string! displayName:string description:string createTime:time! state:ModelState! "
        "status:Status! kind:ModelKind githubUrl:string huggingFaceUrl:string "
        "baseModelDetails:BaseModelDetails peftDetails:PEFTDetails teftDetails:TEFTDetails "
        "public:bool conversationConfig:ConversationConfig contextLength:int32 "
        "supportsImageInput:bool supportsTools:bool importedFrom:string! fineTuningJob:string! "
        "defaultDraftModel:string defaultDraftTokenCount:int32 "
        "deployedModelRefs:[DeployedModelRef]! cluster:string! deprecationDate:typeDate "
        "calibrated:bool! tunable:bool! supportsLora:bool useHfApplyChatTemplate:bool "
        "updateTime:time! defaultSamplingParams:{float}! rlTunable:bool! "
        "trainingContextLength:int32 snapshotType:ModelSnapshotType supportsServerless:bool! "
        "supervisedLoraTunable:bool! supervisedFullParameterTunable:bool! rlLoraTunable:bool! "
        "rlFullParameterTunable:bool!"
    ),
    "NotificationSettings": "monthlySpendThresholds:[typeMoney]",
    "OrpoConfig": "lambda:float",
    "PEFTDetails": (
        "baseModel:string r:int32 targetModules:[string] baseModelType:string! "
        "mergeAddonModelName:string"
    ),
    "Placement": "region:Region multiRegion:MultiRegion regions:[Region]",
    "PrepareModelBody": "precision:DeploymentPrecision readMask:string",
    "Quota": "name:string! value:int64 maxValue:int64 usage:double! updateTime:time!",
    "ReplicaStats": (
        "pendingSchedulingReplicaCount:int32! downloadingModelReplicaCount:int32! "
        "initializingReplicaCount:int32! readyReplicaCount:int32! revocableReplicaCount:int32! "
        "partialReplicaCount:float!"
    ),
    "ResumeDpoJobBody": "",
    "ScaleDeploymentBody": "replicaCount:int32",
    "ScalingSchedule": (
        "minReplicaCount:int32 schedule:string duration:string timezone:string "
        "description:string disabled:bool"
    ),
    "SplitDatasetBody": "chunkSize:int32 parent:string",
    "Splitted": "sourceDatasetId:string",
    "Status": "code:Code message:string",
    "TEFTDetails": "",
    "TrainerShardingScheme": (
        "tensorParallelism:int32 pipelineParallelism:int32 contextParallelism:int32 "
        "expertParallelism:int32 sequenceParallelism:bool"
    ),
    "Transformed": "sourceDatasetId:string filter:string originalFormat:DatasetFormat",
    "UndeleteDeploymentBody": "",
    "UserUploaded": "",
    "ValidateDatasetUploadBody": "",
    "WandbConfig": (
        "enabled:bool apiKey:string project:string entity:string runId:string url:string!"
    ),
    "typeDate": "year:int32 month:int32 day:int32",
    "typeMoney": "currencyCode:string units:int64 nanos:int32",
}

# Not in the stored OpenAPI: seen live, in newer SDKs, or described in prose only.
EXTRA_FIELDS: Final[dict[str, str]] = {
    "Dataset": "encryptionState:string!",
    "BaseTrainingConfig": (
        "samplerCheckpointSaveIntervalSteps:int32 region:Region lrScheduler:LrScheduler"
    ),
    "DpoJob": "useReservation:bool reservationTarget:string rendererHuggingFaceRepoId:string",
}
EXTRA_MESSAGES: Final[dict[str, str]] = {
    "LrScheduler": "constant:Empty? linear:Empty? cosine:CosineScheduler?",
    "CosineScheduler": "minLrRatio:float decayRatio:float",
    "Empty": "",
    "SetTagsBody": "tags:{string}",
    "DeleteTagsBody": "keys:[string]",
    "MatchBody": "createDeploymentRequest:CreateDeploymentRequest",
    "CreateDeploymentRequest": "parent:string deployment:Deployment deploymentId:string",
}
