/**
 * LLaMA-Factory's keys that are accepted and do nothing here, each with the reason why it can't change the result.
 * @module
 */
import type { IgnoredKey, KeyGroup } from "./key.ts";

/** Keys and LLaMA-Factory's defaults by group, one block a reason. */
export function ignoredKeys(): Readonly<Record<string, IgnoredKey>> {
  const keys: Record<string, IgnoredKey> = {};
  for (const [reason, groups] of BLOCKS) {
    for (const [group, defaults] of Object.entries(groups)) {
      for (const [key, value] of Object.entries(defaults)) {
        keys[key] = { state: "ignored", group: group as KeyGroup, reason, default: value };
      }
    }
  }
  return keys;
}

const BLOCKS: readonly [string, Partial<Record<KeyGroup, Record<string, unknown>>>][] = [
  ["every tokenizer here is the fast kind, and fast and slow ones give the same ids", {
    model: {
      use_fast_tokenizer: true,
    },
  }],
  ["how a model is loaded, laid out in memory or computed doesn't change the results", {
    model: {
      low_cpu_mem_usage: true,
      flash_attn: "auto",
      use_unsloth: false,
      use_unsloth_gc: false,
      enable_liger_kernel: false,
      use_reentrant_gc: true,
      use_v1_kernels: false,
    },
    training: {
      use_liger_kernel: false,
      liger_kernel_config: null,
      gradient_checkpointing_kwargs: null,
      torch_compile: false,
      torch_compile_backend: null,
      torch_compile_mode: null,
      torchdynamo: null,
      torch_empty_cache_steps: null,
      jit_mode_eval: false,
      eval_accumulation_steps: null,
      mp_parameters: "",
    },
  }],
  ["weights, norms, logits and sums are float32 or wider here anyway", {
    model: {
      upcast_layernorm: false,
      upcast_lmhead_output: false,
    },
  }],
  ["float32 is used throughout, which this number type only approximates", {
    training: {
      bf16_full_eval: false,
      fp16_full_eval: false,
      fp16_opt_level: "O1",
      half_precision_backend: "auto",
      fp16_backend: "auto",
    },
  }],
  ["no code of a model folder is ever run; a model type that isn't built in is refused by name", {
    model: {
      trust_remote_code: false,
    },
  }],
  ["only that other hub takes it; models come from a folder, a GGUF file or the Hugging Face hub", {
    model: {
      ms_hub_token: null,
      om_hub_token: null,
    },
  }],
  [
    "frozen weights have one form for each number of bits, which quantization_bit (with trainer: torch its trainer_options) says",
    {
      model: {
        quantization_method: "bnb",
        quantization_type: "nf4",
        double_quantization: true,
        quantization_device_map: null,
      },
    },
  ],
  ["it is about another program that generates text, or a way of generating that isn't used here", {
    model: {
      infer_backend: "huggingface",
      offload_folder: "offload",
      use_kv_cache: true,
      infer_dtype: "auto",
      vllm_maxlen: 4096,
      vllm_gpu_util: 0.7,
      vllm_enforce_eager: false,
      vllm_max_lora_rank: 32,
      vllm_config: null,
      sglang_maxlen: 4096,
      sglang_mem_fraction: 0.7,
      sglang_tp_size: -1,
      sglang_config: null,
      sglang_lora_backend: "triton",
    },
    data: {
      eval_num_beams: null,
    },
    training: {
      generation_max_length: null,
      generation_num_beams: null,
      generation_config: null,
    },
    generating: {
      length_penalty: 1.0,
    },
  }],
  [
    "rows are cut by cutoff_len (which TRL calls max_length), and generated answers by max_new_tokens",
    {
      generating: { max_length: 1024 },
    },
  ],
  ["it is about images, video or sound; rows that have any are dropped and counted", {
    model: {
      image_max_pixels: 589824,
      image_min_pixels: 1024,
      image_do_pan_and_scan: false,
      crop_to_patches: false,
      video_max_pixels: 65536,
      video_min_pixels: 256,
      video_fps: 2.0,
      video_maxlen: 128,
      use_audio_in_video: false,
      audio_sampling_rate: 16000,
    },
    data: {
      media_dir: null,
    },
    finetuning: {
      freeze_vision_tower: true,
      freeze_multi_modal_projector: true,
    },
  }],
  ["train exports nothing, there or here", {
    model: {
      export_dir: null,
      export_size: 5,
      export_device: "cpu",
      export_quantization_bit: null,
      export_quantization_dataset: null,
      export_quantization_nsamples: 128,
      export_quantization_maxlen: 1024,
      export_legacy_format: false,
      export_hub_model_id: null,
    },
  }],
  ["it only sets up KTransformers, which is refused", {
    model: {
      kt_weight_path: null,
      kt_expert_checkpoint_path: null,
      kt_use_lora_experts: null,
      kt_lora_expert_num: null,
      kt_lora_expert_intermediate_size: null,
    },
  }],
  ["rows are encoded one by one, so the size of a call makes no difference", {
    data: {
      preprocessing_batch_size: 1000,
    },
  }],
  ["processes are started, and share the work, as trainer_options say (docs/scale.md)", {
    data: {
      data_shared_file_system: false,
    },
    training: {
      local_rank: -1,
      ddp_backend: null,
      ddp_find_unused_parameters: null,
      ddp_bucket_cap_mb: null,
      ddp_broadcast_buffers: null,
      tpu_num_cores: null,
      tpu_metrics_debug: false,
      fsdp_min_num_params: 0,
      fsdp_transformer_layer_cls_to_wrap: null,
      parallelism_config: null,
      average_tokens_across_devices: true,
      ray_scope: "last",
      ray_num_workers: 1,
      ray_init_kwargs: null,
      master_addr: null,
      master_port: null,
      log_on_each_node: true,
      save_on_each_node: false,
      log_level_replica: "warning",
      eval_use_gather_object: false,
    },
  }],
  ["it only changes what is printed or how it is measured", {
    model: {
      print_param_status: false,
    },
    training: {
      log_level: "passive",
      debug: "",
      skip_memory_metrics: true,
      include_tokens_per_second: false,
      enable_torch_profiler: false,
      profiler_output_dir: null,
      profiler_wait_steps: 1,
      profiler_warmup_steps: 1,
      profiler_active_steps: 1,
      profiler_repeat: 1,
      profiler_record_shapes: true,
      profiler_profile_memory: true,
      profiler_with_stack: true,
      profile_modules: null,
      project: "huggingface",
      trackio_space_id: "trackio",
    },
    finetuning: {
      include_effective_tokens_per_second: false,
    },
  }],
  ["a loss or gradient that isn't finite stops the run here, so none is left to filter", {
    training: {
      logging_nan_inf_filter: true,
    },
  }],
  ["how batches are fed makes no difference to what is in them", {
    training: {
      dataloader_num_workers: 0,
      dataloader_prefetch_factor: null,
      dataloader_pin_memory: true,
      dataloader_persistent_workers: false,
      remove_unused_columns: true,
      label_names: null,
      length_column_name: "length",
      eval_do_concat_batches: true,
      batch_eval_metrics: false,
      prediction_loss_only: false,
      include_inputs_for_metrics: false,
      include_for_metrics: [],
      use_legacy_prediction_loop: false,
    },
  }],
  ["every run here is repeatable bit for bit on the same machine", {
    training: {
      full_determinism: false,
    },
  }],
  ["a checkpoint here restores everything that a run needs", {
    training: {
      restore_callback_states_from_checkpoint: false,
    },
  }],
  ["it only sets up pushing to a hub, which is refused", {
    training: {
      hub_model_id: null,
      hub_strategy: "every_save",
      hub_token: null,
      hub_private_repo: null,
      hub_always_push: false,
      hub_revision: null,
      push_to_hub_model_id: null,
      push_to_hub_organization: null,
      push_to_hub_token: null,
    },
  }],
  ["it only sets up training with fp8, which is refused", {
    training: {
      fp8_backend: "auto",
      fp8_enable_fsdp_float8_all_gather: false,
    },
  }],
  ["it only sets up finetuning_type: oft, which is refused", {
    finetuning: {
      module_dropout: 0.0,
      oft_rank: 0,
      oft_block_size: 32,
      oft_target: "all",
    },
  }],
  ["it is LoRA+'s rate for adapters on embeddings, and no embedding gets an adapter here", {
    finetuning: {
      loraplus_lr_embedding: 1e-06,
    },
  }],
  ["it only sets up stage ppo, which is refused", {
    finetuning: {
      ppo_buffer_size: 1,
      ppo_epochs: 4,
      ppo_score_norm: false,
      ppo_target: 6.0,
      ppo_whiten_rewards: false,
      reward_model: null,
      reward_model_adapters: null,
      reward_model_quantization_bit: null,
      reward_model_type: "lora",
    },
  }],
  ["it only sets up GaLore, which is refused", {
    finetuning: {
      galore_target: "all",
      galore_rank: 16,
      galore_update_interval: 200,
      galore_scale: 2.0,
      galore_proj_type: "std",
      galore_layerwise: false,
    },
  }],
  ["it only sets up APOLLO, which is refused", {
    finetuning: {
      apollo_target: "all",
      apollo_rank: 16,
      apollo_update_interval: 200,
      apollo_scale: 32.0,
      apollo_proj: "random",
      apollo_proj_type: "std",
      apollo_scale_type: "channel",
      apollo_layerwise: false,
      apollo_scale_front: false,
    },
  }],
  ["it only sets up BAdam, which is refused", {
    finetuning: {
      badam_mode: "layer",
      badam_start_block: null,
      badam_switch_mode: "ascending",
      badam_switch_interval: 50,
      badam_update_ratio: 0.05,
      badam_mask_mode: "adjacent",
      badam_verbose: 0,
    },
  }],
  ["it only sets up SwanLab, which is refused", {
    finetuning: {
      swanlab_project: "llamafactory",
      swanlab_workspace: null,
      swanlab_run_name: null,
      swanlab_mode: "cloud",
      swanlab_api_key: null,
      swanlab_logdir: null,
      swanlab_lark_webhook_url: null,
      swanlab_lark_secret: null,
    },
  }],
  ["it only sets up hyper-parallel training, which is refused", {
    finetuning: {
      hyper_parallel_args: null,
    },
  }],
  ["the CPU is used unless backend or provider says otherwise, and then this key is an error", {
    training: {
      no_cuda: false,
      use_cpu: false,
    },
  }],
  ["checkpointing is on unless disable_gradient_checkpointing is set; the result is the same both ways", {
    training: {
      gradient_checkpointing: false,
    },
  }],
];
