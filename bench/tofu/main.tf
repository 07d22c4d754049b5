# The same resources as a stack's, for OpenTofu, as people would write them.
terraform {
  required_providers {
    minio      = { source = "aminueza/minio" }
    kubernetes = { source = "hashicorp/kubernetes" }
    helm       = { source = "hashicorp/helm" }
  }
}

variable "minio_server" { type = string }
variable "minio_user" { type = string }
variable "minio_password" {
  type      = string
  sensitive = true
}
variable "kubeconfig" { type = string }
variable "chart" { type = string }
variable "chart_version" { type = string }
variable "chart_repository" { type = string }
variable "values_file" { type = string }
variable "policy" { type = string }

provider "minio" {
  minio_server   = var.minio_server
  minio_user     = var.minio_user
  minio_password = var.minio_password
  minio_region   = "eu-west-1"
  minio_ssl      = false
}

provider "kubernetes" {
  config_path = var.kubeconfig
}

provider "helm" {
  kubernetes = { config_path = var.kubeconfig }
}

resource "minio_s3_bucket" "tempo" {
  bucket = "k3s-tempo"
}

resource "minio_iam_user" "tempo" {
  name = "tempo"
}

resource "minio_iam_policy" "tempo" {
  name   = "tempo"
  policy = var.policy
}

resource "minio_iam_user_policy_attachment" "tempo" {
  user_name   = minio_iam_user.tempo.name
  policy_name = minio_iam_policy.tempo.name
}

resource "kubernetes_namespace_v1" "tempo" {
  metadata {
    name = "tempo"
  }
}

resource "kubernetes_secret_v1" "tempo" {
  metadata {
    name      = "tempo-minio-secret"
    namespace = kubernetes_namespace_v1.tempo.metadata[0].name
  }
  data = {
    MINIO_ACCESS_KEY_ID     = minio_iam_user.tempo.name
    MINIO_SECRET_ACCESS_KEY = minio_iam_user.tempo.secret
  }
}

resource "helm_release" "tempo" {
  name       = "tempo"
  namespace  = kubernetes_secret_v1.tempo.metadata[0].namespace
  chart      = var.chart
  version    = var.chart_version
  repository = var.chart_repository == "" ? null : var.chart_repository
  values     = [file(var.values_file)]
  timeout    = 600
  depends_on = [minio_s3_bucket.tempo, minio_iam_user_policy_attachment.tempo]
}
