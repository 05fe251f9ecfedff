"""Average precision and recall as COCO defines them (T.-Y. Lin and others, ECCV 2014; pycocotools). Pure."""
